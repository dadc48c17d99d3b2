using System;
using System.Collections.Generic;
using System.Linq;
using Strongroom.Crypto;
using Strongroom.Crypto.Backends;
using Strongroom.Tests.Contract;
using Xunit;

namespace Strongroom.Tests.Vectors;

public class XtsVectorTests
{
    public static TheoryData<string, string> BackendsAndFiles => new(
        from backend in XtsBackendRegistry.Names from file in XtsVectorFile.Counts.Keys select (backend, file));

    [Theory]
    [MemberData(nameof(BackendsAndFiles))]
    public void Every_backend_meets_every_published_vector(string backendName, string file)
    {
        MeetsEveryVector(XtsBackendRegistry.GetOrSkip(backendName), file);
    }

    [Fact]
    public void The_armv8_backend_passes_its_self_test_over_modelled_instructions() =>
        Assert.True(XtsSelfTest.Passes(XtsBackendRegistry.ModelledArm, out string reason), reason);

    [Theory]
    [InlineData("xts-ieee1619.txt")]
    [InlineData("xts-nist-cavp-tweak.txt")]
    [InlineData("xts-wycheproof.txt")]
    public void The_armv8_backend_meets_published_vectors_over_modelled_instructions(string file) =>
        MeetsEveryVector(XtsBackendRegistry.ModelledArm, file);

    [Fact]
    public void The_vector_with_equal_key_halves_is_refused()
    {
        XtsVector vector = Assert.Single(XtsVectorFile.Counts.Keys.SelectMany(n => XtsVectorFile.Read(n)), HasEqualHalves);
        _ = Assert.Throws<ArgumentException>(() => XtsKey.Import(vector.Algorithm, vector.Key).Dispose());
    }

    private static void MeetsEveryVector(XtsBackend backend, string file)
    {
        List<XtsVector> vectors = XtsVectorFile.Read(file);
        Assert.Equal(XtsVectorFile.Counts[file], vectors.Count);
        foreach (XtsVector vector in vectors.Where(v => !HasEqualHalves(v)))
        {
            using XtsKey key = XtsKey.Import(vector.Algorithm, vector.Key, backend);
            byte[] data = new byte[vector.Plain.Length];
            key.Encrypt(vector.Plain, data, vector.Number);
            Assert.True(vector.Cipher.AsSpan().SequenceEqual(data), $"{file}, {vector.Name}: wrong ciphertext.");
            key.Decrypt(data, data, vector.Number);
            Assert.True(vector.Plain.AsSpan().SequenceEqual(data), $"{file}, {vector.Name}: wrong plaintext.");
        }
    }

    private static bool HasEqualHalves(XtsVector vector) =>
        vector.Key.AsSpan(0, vector.Key.Length / 2).SequenceEqual(vector.Key.AsSpan(vector.Key.Length / 2));
}
