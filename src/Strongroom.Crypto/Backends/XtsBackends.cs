using System;
using System.Collections.Generic;
using System.Linq;
using ArmAes = System.Runtime.Intrinsics.Arm.Aes;
using X86Aes = System.Runtime.Intrinsics.X86.Aes;

namespace Strongroom.Crypto.Backends;

/// <summary>The backends, fastest first, and the choice among them, made once for the process.</summary>
internal static class XtsBackends
{
    /// <summary>The environment variable that names the backend to use.</summary>
    internal const string Variable = "STRONGROOM_XTS_BACKEND";

    // Each makes its backend, or says why not.
    private static readonly (string Name, TryMake Make)[] s_makers =
    [
        ("vaes512", VaesBackend.TryMake512),
        ("vaes256", VaesBackend.TryMake256),
        ("aesni", TryMakeX86),
        ("armv8", TryMakeArm),
        ("portable", TryMakePortable),
    ];

    private static readonly Lazy<Choice> s_choice = new(() => Choose(Environment.GetEnvironmentVariable(Variable)));

    private delegate XtsBackend? TryMake(out string reason);

    /// <summary>Gets the backend in use.</summary>
    /// <exception cref="PlatformNotSupportedException">The named backend does not run here, or none does.</exception>
    internal static XtsBackend Chosen => s_choice.Value.Backend;

    /// <summary>Gets what was decided about every backend, fastest first.</summary>
    internal static IReadOnlyList<XtsCandidate> Candidates => s_choice.Value.Candidates;

    /// <summary>Gets the names of all backends, fastest first.</summary>
    internal static IEnumerable<string> Names => s_makers.Select(m => m.Name);

    /// <summary>Makes a backend and tests it.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="reason">Why it cannot be used, as a clause; empty on success.</param>
    internal static XtsBackend? TryMakeTested(string name, out string reason)
    {
        XtsBackend? backend = s_makers.First(m => m.Name == name).Make(out reason);
        if (backend is not null && !XtsSelfTest.Passes(backend, out reason))
        {
            backend = null;
        }

        return backend;
    }

    /// <summary>Decides which backend to use.</summary>
    /// <param name="forced">The name that the environment gives, or null or empty for the fastest one that
    /// works.</param>
    /// <exception cref="PlatformNotSupportedException">The named backend does not exist or does not run here, or none
    /// does.</exception>
    internal static Choice Choose(string? forced)
    {
        if (!string.IsNullOrEmpty(forced) && !Names.Contains(forced))
        {
            throw new PlatformNotSupportedException(
                $"{Variable} names the backend '{forced}'; there are: {string.Join(", ", Names)}.");
        }

        XtsBackend? chosen = null;
        List<XtsCandidate> candidates = [];
        foreach (string name in Names)
        {
            if (chosen is not null)
            {
                candidates.Add(new XtsCandidate(name, false, $"{chosen.Name} comes first"));
            }
            else if (!string.IsNullOrEmpty(forced) && name != forced)
            {
                candidates.Add(new XtsCandidate(name, false, $"{Variable} names {forced}"));
            }
            else
            {
                chosen = TryMakeTested(name, out string reason);
                candidates.Add(new XtsCandidate(name, chosen is not null, chosen is not null ? "in use" : reason));
            }
        }

        return chosen is not null
            ? new Choice(chosen, candidates)
            : throw new PlatformNotSupportedException(
                $"No AES-XTS backend can be used: {string.Join("; ", candidates.Select(c => $"{c.Name}: {c.Reason}"))}.");
    }

    private static AesInstructionsBackend<X86Encryption, X86Decryption>? TryMakeX86(out string reason)
    {
        reason = X86Aes.IsSupported ? string.Empty : "the processor or the runtime has no AES-NI";
        return X86Aes.IsSupported ? new AesInstructionsBackend<X86Encryption, X86Decryption>("aesni") : null;
    }

    private static AesInstructionsBackend<ArmEncryption<ArmAesInstructions>, ArmDecryption<ArmAesInstructions>>? TryMakeArm(
        out string reason)
    {
        reason = ArmAes.IsSupported ? string.Empty : "the processor is not an Armv8 with AES instructions";
        return ArmAes.IsSupported ? new("armv8") : null;
    }

    private static PortableBackend? TryMakePortable(out string reason)
    {
        reason = BitConverter.IsLittleEndian ? string.Empty : "the processor is big-endian";
        return BitConverter.IsLittleEndian ? new PortableBackend() : null;
    }

    /// <summary>The result of <see cref="Choose"/>.</summary>
    /// <param name="Backend">The backend to use.</param>
    /// <param name="Candidates">Every backend and what was decided about it.</param>
    internal sealed record Choice(XtsBackend Backend, IReadOnlyList<XtsCandidate> Candidates);
}
