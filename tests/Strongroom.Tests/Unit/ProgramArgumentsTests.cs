using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Strongroom.Cli;
using Strongroom.Kernel;
using Xunit;

namespace Strongroom.Tests.Unit;

public class ProgramArgumentsTests
{
    [Fact]
    public void Empty_arguments_and_bytes_that_are_not_text_are_kept() =>
        Assert.Equal([[0x61], [], [0xff, 0xfe], []], ProgramArguments.Split([0x61, 0, 0, 0xff, 0xfe, 0, 0]));

    [Fact]
    public void The_program_gets_the_environment_of_the_launchers_caller()
    {
        string[] given =
        [
            "PATH=/bin", "STRONGROOM_NOFILE_SOFT=1024", "STRONGROOM_ENV_DOTNET_gcServer=1", "DOTNET_EnableDiagnostics=0",
            "DOTNET_ROOT=/opt/dotnet", "STRONGROOM_ENV_DOTNET_EnableDiagnostics=1", "no equals sign", "EMPTY=",
        ];
        string[] expected =
        [
            "PATH=/bin", "DOTNET_gcServer=1", "DOTNET_ROOT=/opt/dotnet", "DOTNET_EnableDiagnostics=1", "no equals sign", "EMPTY=",
        ];
        Assert.Equal(expected, Text(ProgramArguments.Restore(Bytes(given))));
    }

    [Fact]
    public void Without_the_launcher_the_environment_stays_as_it_is() =>
        Assert.Equal(["DOTNET_EnableDiagnostics=0"], Text(ProgramArguments.Restore(Bytes(["DOTNET_EnableDiagnostics=0"]))));

    [Fact]
    public void A_program_is_looked_up_in_PATH_as_execvp_does()
    {
        string directory = Directory.CreateTempSubdirectory("strongroom-test-").FullName;
        try
        {
            string plain = Path.Combine(directory, "plain");
            string runnable = Path.Combine(directory, "runnable");
            _ = Directory.CreateDirectory(Path.Combine(directory, "folder"));
            File.WriteAllText(plain, "x");
            File.WriteAllText(runnable, "x");
            File.SetUnixFileMode(runnable, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            IReadOnlyList<byte[]> environment = Bytes([$"PATH=/nonexistent:{plain}:{directory}:/bin"]);

            Assert.Equal((0, runnable), Find("runnable", environment));
            Assert.Equal((0, runnable), Find(runnable, environment));
            Assert.Equal((0, "/bin/sh"), Find("sh", environment));
            Assert.Equal(Libc.EACCES, Find("plain", environment).Errno);
            Assert.Equal(Libc.EACCES, Find("folder", environment).Errno);
            Assert.Equal(Libc.ENOENT, Find("nothing-of-this-name", environment).Errno);
            Assert.Equal(Libc.ENOENT, Find(plain + "/below", environment).Errno);
            Assert.Equal(Libc.ENOENT, Find(string.Empty, environment).Errno);
            Assert.Equal((0, "/bin/sh"), Find("sh", []));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static (int Errno, string Path) Find(string name, IReadOnlyList<byte[]> environment)
    {
        int errno = ProgramLookup.Find(Encoding.UTF8.GetBytes(name), environment, out byte[] path);
        return (errno, Encoding.UTF8.GetString(path));
    }

    private static byte[][] Bytes(string[] texts) => [.. texts.Select(Encoding.UTF8.GetBytes)];

    private static string[] Text(IEnumerable<byte[]> bytes) => [.. bytes.Select(Encoding.UTF8.GetString)];
}
