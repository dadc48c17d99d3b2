using System;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Keys;

namespace Strongroom.Pager.Calls;

/// <summary>The kernel's own keyrings as the key service sees them: each memory key is carried by a key of the kernel.</summary>
/// <remarks>
/// The carrier is of type "logon", which nobody can read; its payload is one byte that means nothing. It is linked to the keyring that
/// the program named, by a call made in the program's own thread, so the kernel itself checks rights, quotas and links, lists the key
/// and lets it expire. The memory key has the carrier's serial, and lives as long as it. Because the carrier decides what a link means,
/// each key is linked, in the key service, to a keyring of its own whose serial is the carrier's.
/// </remarks>
internal sealed class CarrierKeyrings : IKeyrings, IDisposable
{
    /// <summary>What stands before a description in the carrier's.</summary>
    internal const string Prefix = "mktme:";

    /// <summary>The carrier's type.</summary>
    internal const string Type = "logon";

    private readonly ThreadLocal<KeySerial> _current = new();

    /// <summary>Names the carrier that this thread's next calls of the key service are about.</summary>
    internal void Choose(KeySerial carrier) => _current.Value = carrier;

    /// <inheritdoc/>
    public Errno Resolve(KeyCaller caller, KeySerial named, KeyPermissions need, out KeySerial keyring)
    {
        keyring = named;
        return Errno.None;
    }

    /// <inheritdoc/>
    public IEnumerable<KeySerial> Reach(KeyCaller caller, KeySerial keyring) => [keyring];

    /// <inheritdoc/>
    public IEnumerable<KeySerial> Possessed(KeyCaller caller) => [_current.Value];

    /// <inheritdoc/>
    public Errno CheckForeign(KeyCaller caller, KeySerial serial, KeyPermissions need) => Errno.ENOKEY; // a carrier that is gone

    /// <inheritdoc/>
    public KeySerial ProposeSerial() => _current.Value;

    /// <inheritdoc/>
    public void Dispose() => _current.Dispose();

    /// <summary>Takes over what the kernel says of a carrier.</summary>
    /// <returns>False when it is gone, and with it the key.</returns>
    internal static bool Mirror(KeyService keys, KeySerial serial)
    {
        Span<byte> text = stackalloc byte[4200];
        int length = KernelKeys.Describe(serial.Value, text);
        switch (length)
        {
            case -Libc.ENOKEY:
                keys.Forget(serial);
                return false;
            case -Libc.EKEYREVOKED or -Libc.EKEYEXPIRED:
                keys.MirrorEnd(serial, (Errno)(-length));
                return true;
            case < 0:
                return true; // EACCES: it is there, and what was known last holds
            default:
                // logon;uid;gid;permissions;mktme:description
                string[] parts = Encoding.Latin1.GetString(text[..Math.Min(length, text.Length)]).Split(';', 5);
                if (parts is [Type, string uid, string gid, string mask, _]
                    && int.TryParse(uid, out int owner) && int.TryParse(gid, out int group)
                    && uint.TryParse(mask, System.Globalization.NumberStyles.HexNumber, null, out uint permissions))
                {
                    keys.Mirror(serial, unchecked((uint)owner), unchecked((uint)group), new(permissions));
                    return true;
                }

                keys.Forget(serial); // the serial was given to another key
                return false;
        }
    }
}
