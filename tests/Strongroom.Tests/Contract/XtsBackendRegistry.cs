using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using Strongroom.Crypto.Backends;
using Xunit;

namespace Strongroom.Tests.Contract;

/// <summary>
/// Every backend once for the whole run, so that each assembles its code and fills its pools only once.
/// </summary>
internal static class XtsBackendRegistry
{
    private static readonly ConcurrentDictionary<string, (XtsBackend? Backend, string Reason)> s_backends = new();

    /// <summary>Gets the armv8 backend over modelled instructions, which runs everywhere.</summary>
    internal static XtsBackend ModelledArm { get; } =
        new AesInstructionsBackend<ArmEncryption<ModelledArmAes>, ArmDecryption<ModelledArmAes>>("armv8, modelled");

    /// <summary>Gets the backends that a processor of this architecture may have.</summary>
    internal static IEnumerable<string> Names =>
        XtsBackends.Names.Where(n => n == "portable" || (n == "armv8") == (RuntimeInformation.ProcessArchitecture == Architecture.Arm64));

    internal static XtsBackend GetOrSkip(string name)
    {
        (XtsBackend? backend, string reason) =
            s_backends.GetOrAdd(name, n => (XtsBackends.TryMakeTested(n, out string why), why));
        Assert.False(reason.Contains("self-test", System.StringComparison.Ordinal), $"{name}: {reason}.");
        Assert.SkipUnless(backend is not null, $"The backend {name} does not run here: {reason}.");
        return backend!;
    }
}
