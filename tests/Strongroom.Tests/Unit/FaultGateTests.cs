using System;
using System.Diagnostics;
using Strongroom.Pager;
using Xunit;

namespace Strongroom.Tests.Unit;

/// <summary>Faults wait while sealing is behind, but never for longer than the gate's patience.</summary>
public class FaultGateTests
{
    private static readonly long s_millisecond = Stopwatch.Frequency / 1000;
    private readonly FaultGate _gate = new(TimeSpan.FromMilliseconds(20));

    [Fact]
    public void Is_ajar_for_one_round_each_time_that_its_patience_has_passed()
    {
        int looks = 0;
        for (long now = s_millisecond; now <= 100 * s_millisecond; now += s_millisecond)
        {
            _gate.BeginRound(now);
            looks += _gate.IsAjar ? 1 : 0;
            _gate.Close(now);
        }

        Assert.Equal(4, looks);
    }

    [Fact]
    public void Begins_anew_when_sealing_has_caught_up()
    {
        for (long now = s_millisecond; now <= 100 * s_millisecond; now += s_millisecond)
        {
            _gate.BeginRound(now);
            Assert.False(_gate.IsAjar);
            _gate.Close(now);
            if (now / s_millisecond % 15 == 0)
            {
                _gate.Open();
            }
        }
    }
}
