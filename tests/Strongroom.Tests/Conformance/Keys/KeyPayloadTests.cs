using System;
using System.Linq;
using System.Text;
using Strongroom.Core;
using Strongroom.Keys;
using Xunit;

namespace Strongroom.Tests.Conformance.Keys;

public class KeyPayloadTests
{
    private const string Key = "00112233445566778899AABBccddeeff";
    private const string Tweak = "ffeeddccbbaa99887766554433221100";
    private const string LongKey = Key + "0123456789abcdef0123456789abcdef";
    private const AlgorithmSet Both = AlgorithmSet.AesXts128 | AlgorithmSet.AesXts256;

    // V = V2, 6 = Rfc62, 2 = Rfc2, 1 = Rfc1, U = Union: the versions that accept the payload; none means that all
    // refuse it.
    [Theory]
    [InlineData("U62V", "type=cpu algorithm=aes-xts-128")]
    [InlineData("U62V", "algorithm=aes-xts-128 type=cpu")]
    [InlineData("U62V", " \t type=cpu\t\talgorithm=aes-xts-128 ")]
    [InlineData("U62V", "type=no-encrypt")]
    [InlineData("U2", "type=clear")]
    [InlineData("U62", "type=user algorithm=aes-xts-128 key=" + Key + " tweak=" + Tweak)]
    [InlineData("U62", "tweak=" + Tweak + " key=" + Key + " algorithm=aes-xts-128 type=user")]
    [InlineData("U62", "key=" + Key + " type=user tweak=" + Tweak + " algorithm=aes-xts-128")]
    [InlineData("U62", "type=cpu algorithm=aes-xts-128 key=" + Key)]
    [InlineData("U62", "type=cpu algorithm=aes-xts-128 tweak=" + Tweak)]
    [InlineData("U62", "type=cpu algorithm=aes-xts-128 key=" + Key + " tweak=" + Tweak)]
    [InlineData("U", "type=cpu algorithm=aes-xts-256")]
    [InlineData("U", "type=user algorithm=aes-xts-256 key=" + LongKey + " tweak=" + LongKey)]
    [InlineData("U62V", "type=cpu algorithm=aes-xts-128\0")]
    [InlineData("1", "userkey=0011223344556677 tweak=8899aabbccddeeff")]
    [InlineData("1", "userkey=0011223344556677 tweak=8899aabbccddeeff algorithm=aes_xts_128")]
    [InlineData("1", "algorithm=aes-xts-128 entropy=0011223344556677")]
    [InlineData("1", "entropy=0011223344556677")]

    // Nothing, or nothing that is an option.
    [InlineData("", "")]
    [InlineData("", " ")]
    [InlineData("", "\0")]
    [InlineData("", "a ")]
    [InlineData("", "no-encrypt")]
    [InlineData("", "=")]
    [InlineData("", "type")]
    [InlineData("", "algorithm=aes-xts-128")]
    [InlineData("", "type= algorithm= key= tweak=")]
    [InlineData("", "type=cpu algorithm=aes-xts-128 other=1")]
    [InlineData("", "type=cpu algorithm=aes-xts-128\0 key=" + Key)]
    [InlineData("", "type=cpu algorithm=aes-xts-128\n")]
    [InlineData("", "type=cpu,algorithm=aes-xts-128")]
    [InlineData("", "type=cpu, algorithm=aes-xts-128")]
    [InlineData("", "TYPE=cpu algorithm=aes-xts-128")]
    [InlineData("", "type=cpu algorithm =aes-xts-128")]

    // Options given twice.
    [InlineData("", "type=cpu type=cpu algorithm=aes-xts-128")]
    [InlineData("", "type=cpu algorithm=aes-xts-128 algorithm=aes-xts-128")]
    [InlineData("", "type=user algorithm=aes-xts-128 key=" + Key + " key=" + Key + " tweak=" + Tweak)]
    [InlineData("", "type=user algorithm=aes-xts-128 key=" + Key + " tweak=" + Tweak + " tweak=" + Tweak)]
    [InlineData("", "userkey=0011223344556677 userkey=0011223344556677 tweak=8899aabbccddeeff")]
    [InlineData("", "entropy=0011223344556677 entropy=0011223344556677")]

    // Options that are missing.
    [InlineData("", "type=cpu")]
    [InlineData("", "type=user")]
    [InlineData("", "type=user algorithm=aes-xts-128")]
    [InlineData("", "type=user algorithm=aes-xts-128 key=" + Key)]
    [InlineData("", "type=user algorithm=aes-xts-128 tweak=" + Tweak)]
    [InlineData("", "type=user key=" + Key + " tweak=" + Tweak)]
    [InlineData("", "algorithm=aes-xts-128 key=" + Key + " tweak=" + Tweak)]
    [InlineData("", "userkey=0011223344556677")]
    [InlineData("", "tweak=8899aabbccddeeff")]
    [InlineData("", "algorithm=aes_xts_128")]

    // Options that are forbidden beside others; the reference code let most of these pass.
    [InlineData("", "type=no-encrypt algorithm=aes-xts-128")]
    [InlineData("", "type=no-encrypt key=" + Key)]
    [InlineData("", "type=no-encrypt tweak=" + Tweak)]
    [InlineData("", "type=clear algorithm=aes-xts-128")]
    [InlineData("", "type=clear key=" + Key + " tweak=" + Tweak)]
    [InlineData("", "userkey=0011223344556677 tweak=8899aabbccddeeff entropy=0011223344556677")]
    [InlineData("", "entropy=0011223344556677 tweak=8899aabbccddeeff")]
    [InlineData("", "entropy=0011223344556677 userkey=0011223344556677")]

    // Key material of a wrong length or alphabet; the reference code read the first 32 of more digits.
    [InlineData("", "type=user algorithm=aes-xts-128 key= tweak=" + Tweak)]
    [InlineData("", "type=user algorithm=aes-xts-128 key=0 tweak=" + Tweak)]
    [InlineData("", "type=user algorithm=aes-xts-128 key=-1 tweak=" + Tweak)]
    [InlineData("", "type=user algorithm=aes-xts-128 key=00112233445566 tweak=" + Tweak)]
    [InlineData("", "type=user algorithm=aes-xts-128 key=0011223344556677889 tweak=" + Tweak)]
    [InlineData("", "type=user algorithm=aes-xts-128 key=" + Key + "0 tweak=" + Tweak)]
    [InlineData("", "type=user algorithm=aes-xts-128 key=" + Key + Key + " tweak=" + Tweak)]
    [InlineData("", "type=user algorithm=aes-xts-128 key=" + Key + " tweak=" + Tweak + Tweak)]
    [InlineData("", "type=user algorithm=aes-xts-128 key=" + Key + " tweak=ffeeddccbbaa9988776655443322110g")]
    [InlineData("", "type=user algorithm=aes-xts-128 key=0x112233445566778899AABBccddeeff tweak=" + Tweak)]
    [InlineData("", "type=user algorithm=aes-xts-256 key=" + Key + " tweak=" + Tweak)]
    [InlineData("", "type=user algorithm=aes-xts-256 key=" + LongKey + " tweak=" + Tweak)]
    [InlineData("", "type=cpu algorithm=aes-xts-256 key=" + Key)]
    [InlineData("", "type=cpu algorithm=aes-xts-128 key=" + LongKey)]
    [InlineData("", "userkey=00112233445566778 tweak=8899aabbccddeeff")]
    [InlineData("", "userkey=" + Key + " tweak=" + Tweak)]
    [InlineData("", "entropy=001122334455667g")]
    public void A_payload_is_accepted_by_the_versions_that_have_its_options(string versions, string payload)
    {
        foreach ((char letter, KeyApiVersion version) in new[]
        {
            ('U', KeyApiVersion.Union), ('1', KeyApiVersion.Rfc1), ('2', KeyApiVersion.Rfc2), ('6', KeyApiVersion.Rfc62),
            ('V', KeyApiVersion.V2),
        })
        {
            byte[] fields = [.. Enumerable.Repeat((byte)0xee, KeyFields.LengthBytes)];
            Errno errno = KeyPayload.Parse(version, Both, Encoding.Latin1.GetBytes(payload), fields, out _);
            Assert.Equal((version, versions.Contains(letter) ? Errno.None : Errno.EINVAL), (version, errno));
            if (errno != Errno.None)
            {
                Assert.All(fields, octet => Assert.Equal(0, octet));
            }
        }
    }

    [Theory]
    [InlineData("cp")]
    [InlineData("cpus")]
    [InlineData("pu")]
    [InlineData("cpucpu")]
    [InlineData("useruser")]
    [InlineData("use")]
    [InlineData("users")]
    [InlineData("used")]
    [InlineData("User")]
    [InlineData("USER")]
    [InlineData("UsEr")]
    [InlineData("CPU")]
    [InlineData("Cpu")]
    [InlineData("")]
    [InlineData("no-encrypt2")]
    [InlineData("no_encrypt")]
    public void A_type_must_be_spelt_exactly(string type) =>
        Assert.Equal(Errno.EINVAL, Parse($"type={type} algorithm=aes-xts-128 key={Key} tweak={Tweak}", out _, out _));

    [Theory]
    [InlineData("")]
    [InlineData("aes-xts-12")]
    [InlineData("aes-xts-128aes-xts-128")]
    [InlineData("es-xts-128")]
    [InlineData("bad")]
    [InlineData("aes-xts-128-xxxx")]
    [InlineData("xxx-aes-xts-128")]
    [InlineData("AES-XTS-128")]
    [InlineData("aes_xts_128")]
    [InlineData("aes-xts-512")]
    public void An_algorithm_must_be_spelt_exactly(string algorithm) =>
        Assert.Equal(Errno.EINVAL, Parse($"type=cpu algorithm={algorithm}", out _, out _));

    [Fact]
    public void Key_and_tweak_go_to_their_fields_and_the_rest_is_zero()
    {
        Assert.Equal(Errno.None, Parse($"tweak={Tweak} key={Key} type=user algorithm=aes-xts-128", out KeySpec spec, out byte[] fields));
        Assert.Equal((MemoryKeyType.User, AlgorithmSet.AesXts128, KeyCommand.SetKeyDirect), (spec.Type, spec.Algorithm, spec.Command));
        Assert.Equal(Key.ToUpperInvariant() + new string('0', 96), Convert.ToHexString(fields.AsSpan(0, 64)));
        Assert.Equal(Tweak.ToUpperInvariant() + new string('0', 96), Convert.ToHexString(fields.AsSpan(64, 64)));
    }

    [Fact]
    public void A_key_of_aes_xts_256_has_64_digits()
    {
        Assert.Equal(Errno.None, Parse($"type=user algorithm=aes-xts-256 key={LongKey} tweak={LongKey}", out KeySpec spec, out byte[] fields));
        Assert.Equal(AlgorithmSet.AesXts256, spec.Algorithm);
        Assert.Equal(LongKey.ToUpperInvariant() + new string('0', 64), Convert.ToHexString(fields.AsSpan(0, 64)));
    }

    [Fact]
    public void Entropy_of_the_first_version_goes_to_both_fields()
    {
        byte[] fields = new byte[KeyFields.LengthBytes];
        Assert.Equal(Errno.None, KeyPayload.Parse(
            KeyApiVersion.Rfc1, Both, "entropy=0123456789abcdef"u8, fields, out KeySpec spec));
        Assert.Equal(MemoryKeyType.Cpu, spec.Type);
        Assert.Equal("0123456789ABCDEF" + new string('0', 112), Convert.ToHexString(fields.AsSpan(0, 64)));
        Assert.Equal("0123456789ABCDEF" + new string('0', 112), Convert.ToHexString(fields.AsSpan(64, 64)));
    }

    [Theory]
    [InlineData(KeyApiVersion.Union, Errno.EINVAL)]
    [InlineData(KeyApiVersion.V2, Errno.EINVAL)]
    [InlineData(KeyApiVersion.Rfc62, Errno.None)]
    [InlineData(KeyApiVersion.Rfc2, Errno.None)]
    public void An_algorithm_that_is_not_activated_is_refused_by_the_parser_of_the_newest_version(KeyApiVersion version, Errno expected)
    {
        byte[] fields = new byte[KeyFields.LengthBytes];
        Assert.Equal(expected, KeyPayload.Parse(
            version, AlgorithmSet.AesXts256, "type=cpu algorithm=aes-xts-128"u8, fields, out _));
    }

    [Fact]
    public void A_type_without_algorithm_gets_the_lowest_that_is_activated()
    {
        byte[] fields = new byte[KeyFields.LengthBytes];
        Assert.Equal(Errno.None, KeyPayload.Parse(
            KeyApiVersion.V2, AlgorithmSet.AesXts256 | AlgorithmSet.AesXts256WithIntegrity, "type=no-encrypt"u8, fields, out KeySpec spec));
        Assert.Equal(AlgorithmSet.AesXts256, spec.Algorithm);
    }

    [Theory]
    [InlineData(1024, Errno.None)]
    [InlineData(1025, Errno.EINVAL)]
    public void A_payload_has_at_most_1024_bytes(int length, Errno expected) =>
        Assert.Equal(expected, Parse("type=cpu algorithm=aes-xts-128".PadRight(length), out _, out _));

    [Fact]
    public void Every_hex_digit_is_read_and_every_other_byte_is_refused()
    {
        for (int octet = 1; octet < 256; octet++)
        {
            char character = (char)octet;
            string key = new(character, 32);
            Errno errno = Parse($"type=cpu algorithm=aes-xts-128 key={key}", out _, out byte[] fields);
            Assert.Equal(char.IsAsciiHexDigit(character) ? Errno.None : Errno.EINVAL, errno);
            if (errno == Errno.None)
            {
                Assert.Equal(Convert.FromHexString(key), fields[..16]);
            }
        }
    }

    private static Errno Parse(string payload, out KeySpec spec, out byte[] fields)
    {
        fields = new byte[KeyFields.LengthBytes];
        return KeyPayload.Parse(KeyApiVersion.Union, Both, Encoding.Latin1.GetBytes(payload), fields, out spec);
    }
}
