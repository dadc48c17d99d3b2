using System;
using System.Collections.Generic;
using Strongroom.Kernel;

namespace Strongroom.Cli;

/// <summary>Finds the file to execute, as execvp(3) does.</summary>
internal static class ProgramLookup
{
    // What glibc searches when there is no PATH: confstr(3), _CS_PATH.
    private static ReadOnlySpan<byte> DefaultPath => "/bin:/usr/bin"u8;

    /// <summary>Finds a program.</summary>
    /// <param name="name">Its name, or a path when it holds a slash.</param>
    /// <param name="environment">Where PATH is looked up.</param>
    /// <param name="path">The file to execute.</param>
    /// <returns>0; or ENOENT: there is none; EACCES: there is one that may not be executed.</returns>
    internal static int Find(byte[] name, IReadOnlyList<byte[]> environment, out byte[] path)
    {
        path = name;
        if (name.Length == 0)
        {
            return Libc.ENOENT;
        }

        if (Array.IndexOf(name, (byte)'/') >= 0)
        {
            return ExecutableFile.Check(name);
        }

        byte[] directories = ProgramArguments.Find(environment, "PATH") ?? DefaultPath.ToArray();
        int refused = Libc.ENOENT;
        int start = 0;
        while (start <= directories.Length)
        {
            int end = Array.IndexOf(directories, (byte)':', start);
            end = end < 0 ? directories.Length : end;
            byte[] candidate = Join(directories.AsSpan(start, end - start), name);
            int errno = ExecutableFile.Check(candidate);
            if (errno == 0)
            {
                path = candidate;
                return 0;
            }

            refused = errno == Libc.EACCES ? errno : refused;
            start = end + 1;
        }

        return refused;
    }

    // An empty directory in PATH means the current one.
    private static byte[] Join(ReadOnlySpan<byte> directory, byte[] name) =>
        directory.IsEmpty ? [.. "./"u8, .. name] : [.. directory, (byte)'/', .. name];
}
