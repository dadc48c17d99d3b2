using System.IO;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Strongroom.Machine.Hardware;

/// <summary>Size and shape of one cache.</summary>
/// <param name="SizeBytes">Capacity; a power of two, at least <c>Ways</c> lines.</param>
/// <param name="Ways">Associativity, 1 to 64.</param>
public sealed record CacheShape(int SizeBytes, int Ways)
{
    /// <summary>The size of a cache line in bytes.</summary>
    public const int LineBytes = 64;

    /// <summary>Gets the number of sets.</summary>
    [JsonIgnore]
    public int Sets => SizeBytes / (Ways * LineBytes);
}

/// <summary>What a flush of one line reaches.</summary>
public enum FlushReach
{
    /// <summary>Only the line with the KeyID of the address that was flushed, as on hardware.</summary>
    Alias,

    /// <summary>
    /// The lines of every KeyID of that address: a what-if machine, in which flushing the wrong alias does no harm.
    /// </summary>
    AllAliases,
}

/// <summary>
/// The size and shape of a modelled machine. Every value has a default; a file overrides those it names.
/// </summary>
/// <remarks>Settable, not init-only: the generated JSON reader would give init-only values that a file leaves out
/// zero.</remarks>
public sealed record MachineConfig
{
    /// <summary>
    /// Gets the number of processor packages, 1 to 8; each owns a memory controller and is one NUMA node.
    /// </summary>
    public int Packages { get; set; } = 1;

    /// <summary>Gets the number of CPUs in each package, 1 to 64.</summary>
    public int CpusPerPackage { get; set; } = 2;

    /// <summary>Gets the memory behind each package in bytes; a multiple of <see cref="SectionBytes"/>.</summary>
    public long MemoryPerPackageBytes { get; set; } = 64L << 20;

    /// <summary>Gets the memory that can be plugged in behind each package, above what is there at start.</summary>
    public long HotplugPerPackageBytes { get; set; }

    /// <summary>Gets the granule of memory hotplug in bytes; a power of two of at least 2 MiB.</summary>
    public int SectionBytes { get; set; } = 4 << 20;

    /// <summary>Gets the width of a physical address before KeyID bits are taken from it, 36 to 52.</summary>
    public int PhysicalAddressBits { get; set; } = 52;

    /// <summary>Gets MK_TME_MAX_KEYID_BITS, 0 to 16; 16 does not fit the published MSR field and widens it.</summary>
    public int MaxKeyIdBits { get; set; } = 6;

    /// <summary>Gets MK_TME_MAX_KEYS, the number of KeyIDs beside KeyID 0 that a controller can hold.</summary>
    public int MaxKeys { get; set; } = 63;

    /// <summary>
    /// Gets the algorithms of TME_CAPABILITY, as its low four bits: 0 XTS-128, 2 XTS-256, 1 and 3 the same with
    /// integrity. Keys with integrity can be programmed; what hardware does when a MAC does not match is not modelled.
    /// </summary>
    public int Algorithms { get; set; } = 0b0101;

    /// <summary>Gets the private first-level cache of a CPU.</summary>
    public CacheShape L1 { get; set; } = new(32 << 10, 8);

    /// <summary>Gets the private second-level cache of a CPU; it holds every line of the first level.</summary>
    public CacheShape L2 { get; set; } = new(256 << 10, 8);

    /// <summary>Gets the last-level cache of a package; it holds every line of the private caches below it.</summary>
    public CacheShape Llc { get; set; } = new(2 << 20, 16);

    /// <summary>Gets the entries for 4 KiB pages in the first-level TLB; a power of two, 4-way.</summary>
    public int TlbEntries { get; set; } = 64;

    /// <summary>Gets the entries of the second-level TLB; a power of two, 8-way.</summary>
    public int StlbEntries { get; set; } = 1024;

    /// <summary>
    /// Gets a value indicating whether caches are kept coherent between CPUs; off, accesses only count.
    /// </summary>
    public bool Coherence { get; set; } = true;

    /// <summary>Gets a value indicating whether lines carry bytes and memory carries ciphertext.</summary>
    public bool Values { get; set; } = true;

    /// <summary>Gets what CLFLUSH reaches.</summary>
    public FlushReach FlushReach { get; set; } = FlushReach.Alias;

    /// <summary>Gets a value indicating whether the firmware has an ACPI HMAT table.</summary>
    public bool HasHmat { get; set; } = true;

    /// <summary>Reads a configuration file.</summary>
    /// <param name="path">A JSON file; comments and trailing commas are allowed, unknown names are not.</param>
    /// <exception cref="InvalidDataException">The file does not parse or a value is out of range; the text names
    /// it.</exception>
    public static MachineConfig Load(string path)
    {
        try
        {
            MachineConfig? config = JsonSerializer.Deserialize(
                File.ReadAllText(path),
                MachineConfigJson.Default.MachineConfig);
            return (config ?? new MachineConfig()).Validated();
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>Checks every value.</summary>
    /// <returns>This configuration.</returns>
    /// <exception cref="InvalidDataException">A value is out of range; the text names it, its value and its
    /// limits.</exception>
    public MachineConfig Validated()
    {
        Require(Packages is >= 1 and <= 8, nameof(Packages), Packages, "1 to 8");
        Require(CpusPerPackage is >= 1 and <= 64, nameof(CpusPerPackage), CpusPerPackage, "1 to 64");
        Require(
            IsPowerOfTwo(SectionBytes) && SectionBytes >= 2 << 20,
            nameof(SectionBytes),
            SectionBytes,
            "a power of two of at least 2 MiB");
        Require(
            MemoryPerPackageBytes > 0 && MemoryPerPackageBytes % SectionBytes == 0,
            nameof(MemoryPerPackageBytes),
            MemoryPerPackageBytes,
            "a positive multiple of SectionBytes");
        Require(
            HotplugPerPackageBytes >= 0 && HotplugPerPackageBytes % SectionBytes == 0,
            nameof(HotplugPerPackageBytes),
            HotplugPerPackageBytes,
            "a multiple of SectionBytes");
        Require(PhysicalAddressBits is >= 36 and <= 52, nameof(PhysicalAddressBits), PhysicalAddressBits, "36 to 52");
        Require(MaxKeyIdBits is >= 0 and <= 16, nameof(MaxKeyIdBits), MaxKeyIdBits, "0 to 16");
        Require(MaxKeys >= 0 && MaxKeys < 1 << MaxKeyIdBits, nameof(MaxKeys), MaxKeys, "below 2^MaxKeyIdBits");
        Require(Algorithms is >= 1 and <= 15, nameof(Algorithms), Algorithms, "1 to 15, a bit for each algorithm");
        RequireCache(nameof(L1), L1);
        RequireCache(nameof(L2), L2);
        RequireCache(nameof(Llc), Llc);
        RequireTlb(nameof(TlbEntries), TlbEntries);
        RequireTlb(nameof(StlbEntries), StlbEntries);
        long total = (MemoryPerPackageBytes + HotplugPerPackageBytes) * Packages;
        Require(
            total <= 1L << (PhysicalAddressBits - MaxKeyIdBits),
            nameof(PhysicalAddressBits),
            PhysicalAddressBits,
            "wide enough for all memory below the KeyID bits");
        return this;
    }

    private static bool IsPowerOfTwo(long value) => value > 0 && (value & (value - 1)) == 0;

    private static void RequireTlb(string name, int entries) =>
        Require(IsPowerOfTwo(entries) && entries is >= 8 and <= 65536, name, entries, "a power of two, 8 to 65536");

    private static void RequireCache(string name, CacheShape shape)
    {
        Require(shape.Ways is >= 1 and <= 64, name + ".Ways", shape.Ways, "1 to 64");
        Require(
            shape.Sets >= 1 && IsPowerOfTwo(shape.Sets) && shape.Sets * shape.Ways * CacheShape.LineBytes == shape.SizeBytes,
            name + ".SizeBytes",
            shape.SizeBytes,
            "a power-of-two number of sets of Ways lines");
    }

    private static void Require(bool holds, string name, long value, string limits)
    {
        if (!holds)
        {
            throw new InvalidDataException($"Machine configuration: {name} is {value}, but must be {limits}.");
        }
    }
}

/// <summary>The generated reader of configuration files.</summary>
[JsonSourceGenerationOptions(
    PropertyNameCaseInsensitive = true,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true,
    UseStringEnumConverter = true,
    WriteIndented = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(MachineConfig))]
internal sealed partial class MachineConfigJson : JsonSerializerContext;
