using System;
using System.IO;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.Integrity;

/// <summary>Thousands of random orders to a family of processes, every byte of which is known outside.</summary>
[Collection(HeavyTests.Name)]
public class StressTests
{
    [Fact]
    public void Without_Strongroom_every_byte_is_as_known()
    {
        using Driver driver = Drive(null, TimeSpan.FromSeconds(2), string.Empty);
        Assert.True(driver.Orders > 300, $"Only {driver.Orders} orders were given.");
    }

    [Theory]
    [InlineData("1M", "20ms")]
    [InlineData("1M", "10ms")]
    [InlineData("8M", "100ms")]
    public void Every_byte_is_as_known_outside(string window, string idle)
    {
        Requirements.Pager();
        string directory = Workplace.NewRunDirectory("stress");
        string reportFile = Path.Combine(directory, "report.json");
        RunOptions options = new() { Window = window, Idle = idle };
        TimeSpan duration = Workplace.Long ? TimeSpan.FromHours(1) : TimeSpan.FromSeconds(7);
        using (Driver driver = Drive(options, duration, reportFile))
        {
            Assert.True(driver.Orders > 100, $"Only {driver.Orders} orders were given.");
        }

        Directory.Delete(directory, recursive: true);
    }

    private static Driver Drive(RunOptions? options, TimeSpan duration, string reportFile)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"STRONGROOM_SEED={Workplace.Seed}");
        Driver driver = new(Workplace.Seed);
        Launch launch = new(CProgram.Target("stress").Executable, driver.SocketName)
        {
            LimitSeconds = duration.TotalSeconds + 60,
        };
        using Supervised run = Supervised.Start(options is null ? launch : options.Wrap(launch, reportFile));
        try
        {
            driver.Welcome();
            driver.Work(duration);
        }
        catch (IntegrityException e)
        {
            driver.Dispose();
            Assert.Fail($"STRONGROOM_SEED={Workplace.Seed}: {e.Message}\nafter {driver.Orders} orders\n{run.Wait()}");
        }

        driver.Dispose();
        Outcome outcome = run.Wait();
        Assert.False(outcome.TimedOut, $"STRONGROOM_SEED={Workplace.Seed}: hangs at the end.\n{outcome}");
        Assert.True(outcome.ExitStatus == 0 && outcome.Survivors.Count == 0, outcome.ToString());
        if (options is not null)
        {
            RunReport report = RunReport.Read(reportFile, outcome);
            Assert.True(report.SealedPages > 1000 && report.Faults > 100, $"Too little was sealed: {report}");
        }

        return driver;
    }
}
