namespace Strongroom.Pager.Agent;

/// <summary>Numbers of the system calls that are made inside a target, or made anew there; x86-64, asm/unistd_64.h.</summary>
internal static class SystemCall
{
    internal const int Read = 0;
    internal const int Write = 1;
    internal const int Close = 3;
    internal const int Mmap = 9;
    internal const int Mprotect = 10;
    internal const int Munmap = 11;
    internal const int Ioctl = 16;
    internal const int PWrite64 = 18;
    internal const int ReadVector = 19;
    internal const int WriteVector = 20;
    internal const int Mremap = 25;
    internal const int Madvise = 28;
    internal const int Getpid = 39;
    internal const int SendFile = 40;
    internal const int Connect = 42;
    internal const int Accept = 43;
    internal const int SendTo = 44;
    internal const int RecvFrom = 45;
    internal const int SendMessage = 46;
    internal const int RecvMessage = 47;
    internal const int Clone = 56;
    internal const int Wait4 = 61;
    internal const int Kill = 62;
    internal const int Chdir = 80;
    internal const int Ptrace = 101;
    internal const int RtSigTimedWait = 128;
    internal const int Munlock = 150;
    internal const int Prctl = 157;
    internal const int IoGetEvents = 208;
    internal const int SemTimedOp = 220;
    internal const int EpollWait = 232;
    internal const int VmSplice = 278;
    internal const int EpollPWait = 281;
    internal const int Accept4 = 288;
    internal const int RecvMultipleMessages = 299;
    internal const int SendMultipleMessages = 307;
    internal const int GetRandom = 318;
    internal const int Userfaultfd = 323;
    internal const int CopyFileRange = 326;
    internal const int EpollPWait2 = 441;
}
