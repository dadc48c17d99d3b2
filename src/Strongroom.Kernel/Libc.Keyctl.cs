namespace Strongroom.Kernel;

/// <content>linux/keyctl.h.</content>
internal static partial class Libc
{
    internal const int KEYCTL_UPDATE = 2;
    internal const int KEYCTL_REVOKE = 3;
    internal const int KEYCTL_CHOWN = 4;
    internal const int KEYCTL_SETPERM = 5;
    internal const int KEYCTL_DESCRIBE = 6;
    internal const int KEYCTL_UNLINK = 9;
    internal const int KEYCTL_SEARCH = 10;
    internal const int KEYCTL_SET_TIMEOUT = 15;
    internal const int KEYCTL_INVALIDATE = 21;
    internal const int KEY_SPEC_SESSION_KEYRING = -3;

    internal const int ENOKEY = 126;
    internal const int EKEYEXPIRED = 127;
    internal const int EKEYREVOKED = 128;
}
