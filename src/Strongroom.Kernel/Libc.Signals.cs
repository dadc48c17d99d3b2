namespace Strongroom.Kernel;

/// <content>Numbers of signals; asm/signal.h.</content>
internal static partial class Libc
{
    internal const int SIGILL = 4;
    internal const int SIGTRAP = 5;
    internal const int SIGBUS = 7;
    internal const int SIGKILL = 9;
    internal const int SIGSEGV = 11;
    internal const int SIGPIPE = 13;
    internal const int SIGCHLD = 17;
    internal const int SIGSTOP = 19;
    internal const int SIGTSTP = 20;
    internal const int SIGTTIN = 21;
    internal const int SIGTTOU = 22;
    internal const int SIGXFSZ = 25;
    internal const int SIGSYS = 31;
}
