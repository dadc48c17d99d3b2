namespace Strongroom.Cli;

/// <summary>The exit statuses of the command, where they are not a program's own. ARCHITECTURE.md lists them.</summary>
/// <remarks>125 to 127 are what env(1), nice(1) and timeout(1) use, so that scripts can tell whose failure it was.</remarks>
internal static class ExitStatus
{
    /// <summary>Everything went well; a scan found nothing.</summary>
    internal const int Success = 0;

    /// <summary>A scan found the pattern; check found that run cannot work; the demo did not show what it must.</summary>
    internal const int Found = 1;

    /// <summary>A wrong command line, or something that could not be read.</summary>
    internal const int Trouble = 2;

    /// <summary>Run refused, or the launcher could not build.</summary>
    internal const int Refused = 125;

    /// <summary>Run found the program but may not execute it.</summary>
    internal const int NotExecutable = 126;

    /// <summary>Run found no such program.</summary>
    internal const int NotFound = 127;
}
