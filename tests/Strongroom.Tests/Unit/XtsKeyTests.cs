using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Strongroom.Core;
using Strongroom.Crypto;
using Strongroom.Crypto.Backends;
using Strongroom.Secrets;
using Strongroom.Tests.Contract;
using Xunit;

namespace Strongroom.Tests.Unit;

public class XtsKeyTests
{
    private static readonly byte[] s_material = [.. Enumerable.Range(0, 64).Select(i => (byte)i)];

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    [InlineData(17)]
    [InlineData(4095)]
    [InlineData((16 << 20) + 16)]
    public void Units_of_other_lengths_are_refused(int lengthBytes)
    {
        using XtsKey key = XtsKey.Generate(MemoryAlgorithm.AesXts128);
        byte[] data = new byte[lengthBytes];
        _ = Assert.ThrowsAny<ArgumentException>(() => key.Encrypt(data, data, 1));
        _ = Assert.ThrowsAny<ArgumentException>(() => key.Decrypt(data, data, 1));
        _ = Assert.ThrowsAny<ArgumentException>(() => key.EncryptRun(data, data, lengthBytes, 1));
        _ = Assert.ThrowsAny<ArgumentException>(() => key.DecryptBatch([], lengthBytes, data, data));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(4095)]
    [InlineData(-1)]
    [InlineData(-4080)]
    public void Buffers_that_overlap_in_part_are_refused_and_left_alone(int distance)
    {
        using XtsKey key = XtsKey.Generate(MemoryAlgorithm.AesXts256);
        byte[] data = new byte[3 * 4096];
        int to = 4096 + distance;
        _ = Assert.ThrowsAny<ArgumentException>(() => key.Encrypt(data.AsSpan(4096, 4096), data.AsSpan(to, 4096), 1));
        _ =
            Assert.ThrowsAny<ArgumentException>(() => key.DecryptRun(data.AsSpan(4096, 4096), data.AsSpan(to, 4096), 512, 1));
        XtsUnit[] units = [new XtsUnit(0, 0, 1), new XtsUnit(4096, to, 2)];
        _ = Assert.ThrowsAny<ArgumentException>(() => key.EncryptBatch(units, 4096, data, data));
        Assert.False(data.AsSpan().ContainsAnyExcept((byte)0));
    }

    [Theory]
    [InlineData(-16, 0)]
    [InlineData(0, -1)]
    [InlineData(4097, 0)]
    [InlineData(0, 4097)]
    [InlineData(long.MaxValue, 0)]
    [InlineData(0, long.MinValue)]
    public void A_batch_unit_outside_its_buffer_is_refused(long from, long to)
    {
        using XtsKey key = XtsKey.Generate(MemoryAlgorithm.AesXts128);
        byte[] source = new byte[8192];
        byte[] destination = new byte[8192];
        XtsUnit[] units = [new XtsUnit(0, 0, 1), new XtsUnit(from, to, 2)];
        _ = Assert.ThrowsAny<ArgumentException>(() => key.EncryptBatch(units, 4096, source, destination));
        Assert.False(destination.AsSpan().ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void A_destination_of_another_length_is_refused()
    {
        using XtsKey key = XtsKey.Generate(MemoryAlgorithm.AesXts128);
        _ = Assert.ThrowsAny<ArgumentException>(() => key.Encrypt(new byte[32], new byte[16], 1));
        _ = Assert.ThrowsAny<ArgumentException>(() => key.EncryptRun(new byte[48], new byte[48], 32, 1));
    }

    [Fact]
    public void Material_of_another_length_or_with_equal_halves_is_refused()
    {
        _ = Assert.Throws<ArgumentException>(() => XtsKey.Import(MemoryAlgorithm.AesXts128, new byte[31]).Dispose());
        _ = Assert.Throws<ArgumentException>(() => XtsKey.Import(MemoryAlgorithm.AesXts128, s_material).Dispose());
        _ = Assert.Throws<ArgumentException>(() => XtsKey.Import(MemoryAlgorithm.AesXts256, new byte[64]).Dispose());
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => XtsKey.Generate((MemoryAlgorithm)7).Dispose());
    }

    [Fact]
    public void Material_in_secret_memory_makes_the_same_key()
    {
        using SecretBuffer secret = SecretBuffer.Allocate(64);
        s_material.CopyTo(secret.Span);
        using XtsKey one = XtsKey.Import(MemoryAlgorithm.AesXts256, secret);
        using XtsKey two = XtsKey.Import(MemoryAlgorithm.AesXts256, s_material);
        byte[] data = new byte[4096];
        one.Encrypt(data, data, 3);
        two.Decrypt(data, data, 3);
        Assert.False(data.AsSpan().ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void Generated_keys_differ()
    {
        using XtsKey one = XtsKey.Generate(MemoryAlgorithm.AesXts128);
        using XtsKey two = XtsKey.Generate(MemoryAlgorithm.AesXts128);
        byte[] a = new byte[16];
        byte[] b = new byte[16];
        one.Encrypt(a, a, 0);
        two.Encrypt(b, b, 0);
        Assert.NotEqual(a, b);
    }

    [Fact]
    public void A_disposed_key_is_refused()
    {
        XtsKey key = XtsKey.Generate(MemoryAlgorithm.AesXts128);
        key.Dispose();
        key.Dispose();
        byte[] data = new byte[16];
        _ = Assert.Throws<ObjectDisposedException>(() => key.Encrypt(data, data, 0));
        _ = Assert.Throws<ObjectDisposedException>(() => key.DecryptRun(data, data, 16, 0));
        _ = Assert.Throws<ObjectDisposedException>(() => key.DecryptBatch([new XtsUnit(0, 0, 0)], 16, data, data));
    }

    [Fact]
    public void A_key_that_is_disposed_during_a_call_never_lets_wrong_output_out()
    {
        byte[] expected = new byte[1 << 20];
        using (XtsKey key = XtsKey.Import(MemoryAlgorithm.AesXts256, s_material))
        {
            key.Encrypt(expected, expected, 9);
        }

        int refused = 0;
        for (int i = 0; i < 60; i++)
        {
            XtsKey key = XtsKey.Import(MemoryAlgorithm.AesXts256, s_material);
            byte[] data = new byte[expected.Length];
            bool started = false;
            int delay = 10 * i;
            Thread disposer = new(() =>
            {
                SpinWait.SpinUntil(() => Volatile.Read(ref started));
                Thread.SpinWait(delay);
                key.Dispose();
            });
            disposer.Start();
            Volatile.Write(ref started, true);
            try
            {
                key.Encrypt(data, data, 9);
                Assert.True(expected.AsSpan().SequenceEqual(data));
            }
            catch (ObjectDisposedException)
            {
                refused++;
                Assert.False(data.AsSpan().ContainsAnyExcept((byte)0));
            }

            disposer.Join();
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{refused} of 60 calls were refused");
    }

    [Fact]
    public void One_key_serves_many_threads()
    {
        using XtsKey key = XtsKey.Import(MemoryAlgorithm.AesXts128, s_material.AsSpan(0, 32));
        byte[] expected = new byte[8192];
        key.EncryptRun(expected, expected, 512, 5);
        _ = Parallel.For(0, 400, _ =>
        {
            byte[] data = new byte[8192];
            key.EncryptRun(data, data, 512, 5);
            Assert.True(expected.AsSpan().SequenceEqual(data));
            key.DecryptRun(data, data, 512, 5);
            Assert.False(data.AsSpan().ContainsAnyExcept((byte)0));
        });
    }

    [Fact]
    public void Thousands_of_keys_live_at_once_many_to_a_page()
    {
        List<XtsKey> keys = [];
        try
        {
            for (int i = 0; i < 4000; i++)
            {
                keys.Add(XtsKey.Generate(i % 2 == 0 ? MemoryAlgorithm.AesXts128 : MemoryAlgorithm.AesXts256));
            }

            byte[] data = new byte[32];
            keys[1234].Encrypt(data, data, 5);
            keys[1234].Decrypt(data, data, 5);
            Assert.Equal(new byte[32], data);
        }
        finally
        {
            keys.ForEach(k => k.Dispose());
        }
    }

    [Fact]
    public void Calls_allocate_nothing()
    {
        using XtsKey key = XtsKey.Generate(MemoryAlgorithm.AesXts256);
        byte[] data = new byte[8 * 4096];
        XtsUnit[] units = [.. Enumerable.Range(0, 8).Select(i => new XtsUnit(i * 4096, i * 4096, (UInt128)i))];
        long before = 0;
        for (int i = 0; i < 2; i++)
        {
            before = GC.GetAllocatedBytesForCurrentThread();
            key.Encrypt(data, data, 1);
            key.DecryptRun(data, data, 4096, 1);
            key.EncryptBatch(units, 4096, data, data);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void The_engine_names_the_backend_in_use_and_says_why_not_the_others()
    {
        Assert.Equal(XtsBackends.Names, XtsEngine.Candidates.Select(c => c.Name));
        XtsCandidate chosen = Assert.Single(XtsEngine.Candidates, c => c.IsChosen);
        Assert.Equal(XtsEngine.BackendName, chosen.Name);
        Assert.All(XtsEngine.Candidates, c => Assert.NotEmpty(c.Reason));
        Assert.True(XtsEngine.MeasureBytesPerSecond(MemoryAlgorithm.AesXts128, TimeSpan.FromMilliseconds(2)) > 1e6);
    }

    [Fact]
    public void The_environment_forces_a_backend_and_an_unknown_one_is_refused()
    {
        XtsBackends.Choice choice = XtsBackends.Choose("portable");
        Assert.Equal("portable", choice.Backend.Name);
        Assert.Equal("STRONGROOM_XTS_BACKEND names portable", choice.Candidates[0].Reason);
        _ = Assert.Throws<PlatformNotSupportedException>(() => XtsBackends.Choose("rot13"));
        Assert.SkipWhen(XtsBackendRegistry.Names.Contains("armv8"), "This processor is an Armv8.");
        PlatformNotSupportedException refused =
            Assert.Throws<PlatformNotSupportedException>(() => XtsBackends.Choose("armv8"));
        Assert.Contains("not an Armv8", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_backend_that_encrypts_wrongly_fails_its_self_test()
    {
        Assert.False(XtsSelfTest.Passes(new BrokenBackend(XtsDirection.Encrypt), out string reason));
        Assert.Contains("encryption failed", reason, StringComparison.Ordinal);
        Assert.False(XtsSelfTest.Passes(new BrokenBackend(XtsDirection.Decrypt), out reason));
        Assert.Contains("decryption failed", reason, StringComparison.Ordinal);
    }

    /// <summary>The portable backend with one bit of the last block wrong in one direction.</summary>
    private sealed class BrokenBackend(XtsDirection wrong) : XtsBackend(2048, 2048)
    {
        private readonly PortableBackend _inner = new();

        internal override string Name => "broken";

        internal override unsafe void Expand(MemoryAlgorithm algorithm, byte* raw, byte* schedule) =>
            _inner.Expand(algorithm, raw, schedule);

        internal override unsafe void Process(MemoryAlgorithm algorithm, XtsDirection direction, XtsCall* call)
        {
            _inner.Process(algorithm, direction, call);
            if (direction == wrong)
            {
                XtsUnit last = call->Units[call->UnitCount - 1];
                call->Destination[last.DestinationOffset + call->UnitBytes - 1] ^= 1;
            }
        }
    }
}
