using System;
using System.Runtime.InteropServices;
using Strongroom.Core;

namespace Strongroom.Bench;

/// <summary>AES-XTS of Intel's ISA-L crypto library with expanded keys, where the system has that library.</summary>
internal sealed unsafe class IsaLXts : IDisposable
{
    private const int ScheduleBytes = 15 * 16; // of AES-256, the larger

    private static readonly Lazy<nint> s_library = new(
        () => NativeLibrary.TryLoad("libisal_crypto.so.2", out nint library) ? library : 0);

    private readonly byte* _keys; // data encryption, data decryption, tweak encryption, and one that nobody needs
    private readonly delegate* unmanaged<byte*, byte*, UInt128*, ulong, byte*, byte*, void> _encrypt;
    private readonly delegate* unmanaged<byte*, byte*, UInt128*, ulong, byte*, byte*, void> _decrypt;

    /// <summary>Expands a key.</summary>
    /// <param name="algorithm">The algorithm.</param>
    /// <param name="material">Key1 (data) and Key2 (tweak).</param>
    internal IsaLXts(MemoryAlgorithm algorithm, ReadOnlySpan<byte> material)
    {
        string bits = algorithm == MemoryAlgorithm.AesXts128 ? "128" : "256";
        _encrypt = (delegate* unmanaged<byte*, byte*, UInt128*, ulong, byte*, byte*, void>)Find($"XTS_AES_{bits}_enc_expanded_key");
        _decrypt = (delegate* unmanaged<byte*, byte*, UInt128*, ulong, byte*, byte*, void>)Find($"XTS_AES_{bits}_dec_expanded_key");
        var expand = (delegate* unmanaged<byte*, byte*, byte*, void>)Find($"aes_keyexp_{bits}");
        _keys = (byte*)NativeMemory.AlignedAlloc(4 * ScheduleBytes, 64);
        fixed (byte* raw = material)
        {
            expand(raw, _keys, _keys + ScheduleBytes);
            expand(raw + (material.Length / 2), TweakKeys, TweakKeys + ScheduleBytes);
        }
    }

    /// <summary>Gets whether the library is installed.</summary>
    internal static bool IsInstalled => s_library.Value != 0;

    private byte* TweakKeys => _keys + (2 * ScheduleBytes);

    /// <inheritdoc/>
    public void Dispose() => NativeMemory.AlignedFree(_keys);

    /// <summary>Encrypts or decrypts one data unit.</summary>
    internal void Process(bool encrypt, ReadOnlySpan<byte> source, Span<byte> destination, UInt128 number)
    {
        fixed (byte* from = source, to = destination)
        {
            if (encrypt)
            {
                _encrypt(TweakKeys, _keys, &number, (ulong)source.Length, from, to);
            }
            else
            {
                _decrypt(TweakKeys, _keys + ScheduleBytes, &number, (ulong)source.Length, from, to);
            }
        }
    }

    private static nint Find(string name) => NativeLibrary.GetExport(s_library.Value, name);
}
