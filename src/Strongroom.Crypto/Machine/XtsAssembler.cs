using System;
using System.IO;
using Iced.Intel;
using Strongroom.Core;
using Strongroom.Crypto.Backends;
using static Iced.Intel.AssemblerRegisters;

namespace Strongroom.Crypto.Machine;

/// <summary>Writes the four XTS kernels (two key sizes, two directions) for x86-64 with vector AES.</summary>
/// <remarks>
/// A kernel is a C function <c>void kernel(XtsCall *call)</c> of the System V ABI that uses no stack. For each unit:
/// <code>
///   T      = AES(Key2, number)                        started one unit early, so that its latency is hidden
///   T[i]   = T * alpha^(blocks per vector * i + lane)  i = 0 .. Vectors - 1
///   loop     D[i] = AES(Key1, P[i] ^ T[i]) ^ T[i];  T[i] *= alpha^(blocks per vector * Vectors)
///   rest     one block at a time, T[0] *= alpha
/// </code>
/// Round keys are broadcast from the schedule where they are used, and never kept: registers go to data and tweaks, and
/// a signal frame or a later user of the registers sees at most one key. Every vector register is cleared before the
/// return. Multiplication by alpha^k (k &lt;= 64) is a shift of the 128-bit number, low byte first, by k bits, and the
/// k bits that fall out times 0x87 (IEEE 1619-2007, 5.2), by carry-less multiplication.
/// </remarks>
internal sealed partial class XtsAssembler
{
    private const int LeftShifts = 0;        // the constants start with a vector of left shift counts for each T[i]
    private const int PrefetchedLines = 8;   // takes a third off batches of cold pages; more gains nothing

    private static readonly AssemblerRegister64 s_call = rdi;
    private static readonly AssemblerRegister64 s_schedule = rsi;
    private static readonly AssemblerRegister64 s_unitBytes = rdx;
    private static readonly AssemblerRegister64 s_units = r8;
    private static readonly AssemblerRegister64 s_unitCount = r9;
    private static readonly AssemblerRegister64 s_sourceBase = r10;
    private static readonly AssemblerRegister64 s_destinationBase = r11;
    private static readonly AssemblerRegister64 s_source = rax;
    private static readonly AssemblerRegister64 s_destination = rcx;
    private static readonly AssemblerRegister64 s_left = rdi; // takes over from s_call, which is read only at the start
    private static readonly AssemblerRegister64 s_constants = s_left; // whenever whole vectors of constants are read

    private static readonly AssemblerRegisterXMM s_nextTweak = xmm4;  // the next unit's encrypted number
    private static readonly AssemblerRegisterXMM s_reduction = xmm5;  // the low part of ReductionVector
    private static readonly AssemblerRegisterXMM s_firstTweak = xmm8; // the low part of T[0]

    private readonly Assembler _code = new(64);
    private readonly VectorWidth _width;

    /// <summary>Makes an empty assembler for one width.</summary>
    internal XtsAssembler(VectorWidth width)
    {
        _width = width;
    }

    // The constants go on with as many right shift counts, and end with 0x87 twice.
    private int RightShifts => _width.WideBytes;

    private int ReductionOffset => 2 * _width.WideBytes;

    /// <summary>Assembles all kernels.</summary>
    /// <returns>The code, and the offsets of its entries, indexed by <see cref="EntryIndex"/>.</returns>
    internal (byte[] Code, int[] Entries) Assemble()
    {
        Label constants = EmitConstants();
        Label[] entries = new Label[4];
        foreach (MemoryAlgorithm algorithm in Enum.GetValues<MemoryAlgorithm>())
        {
            foreach (XtsDirection direction in Enum.GetValues<XtsDirection>())
            {
                Label entry = _code.CreateLabel();
                _code.Label(ref entry);
                entries[EntryIndex(algorithm, direction)] = entry;
                EmitKernel(ScheduleLayout.Of(algorithm), direction, constants);
            }
        }

        using MemoryStream stream = new();
        AssemblerResult result =
            _code.Assemble(new StreamCodeWriter(stream), 0, BlockEncoderOptions.ReturnNewInstructionOffsets);
        return (stream.ToArray(), Array.ConvertAll(entries, e => (int)result.GetLabelRIP(e)));
    }

    /// <summary>Gets the place of a kernel in the list of entries.</summary>
    internal static int EntryIndex(MemoryAlgorithm algorithm, XtsDirection direction) =>
        ((int)algorithm * 2) + (int)direction;

    private Label EmitConstants()
    {
        Label constants = _code.CreateLabel();
        _code.Label(ref constants);
        for (int i = 0; i < _width.Vectors * _width.VectorBytes / 8; i++)
        {
            _code.dq((ulong)(i / 2));
        }

        for (int i = 0; i < _width.Vectors * _width.VectorBytes / 8; i++)
        {
            _code.dq((ulong)(64 - (i / 2))); // a count of 64 shifts everything out
        }

        _code.dq(0x87, 0x87);
        return constants;
    }

    private void EmitKernel(ScheduleLayout layout, XtsDirection direction, Label constants)
    {
        Assembler c = _code;
        Label nextUnit = c.CreateLabel();
        Label haveTweaks = c.CreateLabel();
        Label wide = c.CreateLabel();
        Label rest = c.CreateLabel();
        Label block = c.CreateLabel();
        Label unitDone = c.CreateLabel();
        Label done = c.CreateLabel();
        int keys = direction == XtsDirection.Encrypt ? 0 : layout.DecryptionOffset;

        LoadArguments();
        c.test(s_unitCount, s_unitCount);
        c.je(done);
        c.lea(s_constants, __[constants]);
        LoadReduction();
        EncryptNumber(layout);

        c.Label(ref nextUnit);
        c.mov(s_source, __qword_ptr[s_units]);
        c.add(s_source, s_sourceBase);
        c.mov(s_destination, __qword_ptr[s_units + XtsUnit.DestinationOffsetOffset]);
        c.add(s_destination, s_destinationBase);
        c.lea(s_constants, __[constants]);
        SpreadTweak();
        c.add(s_units, XtsUnit.SizeBytes);
        c.dec(s_unitCount);
        c.je(haveTweaks);
        EncryptNumber(layout);
        PrefetchUnit();

        c.Label(ref haveTweaks);
        c.mov(s_left, s_unitBytes);
        c.sub(s_left, _width.WideBytes);
        c.jb(rest);

        c.Label(ref wide);
        EmitWide(layout, direction, keys);
        c.add(s_source, _width.WideBytes);
        c.add(s_destination, _width.WideBytes);
        c.sub(s_left, _width.WideBytes);
        c.jae(wide);

        c.Label(ref rest);
        c.add(s_left, _width.WideBytes);
        c.je(unitDone);
        c.Label(ref block);
        EmitBlock(layout, direction, keys);
        c.add(s_source, 16);
        c.add(s_destination, 16);
        c.sub(s_left, 16);
        c.jne(block);

        c.Label(ref unitDone);
        c.test(s_unitCount, s_unitCount);
        c.jne(nextUnit);
        ClearVectors();
        c.Label(ref done);
        c.ret();
    }

    private void LoadArguments()
    {
        // The order of XtsCall's fields; s_call goes last because s_left shares its register.
        _code.mov(s_schedule, __qword_ptr[s_call]);
        _code.mov(s_units, __qword_ptr[s_call + 8]);
        _code.mov(s_unitCount, __qword_ptr[s_call + 16]);
        _code.mov(s_sourceBase, __qword_ptr[s_call + 24]);
        _code.mov(s_destinationBase, __qword_ptr[s_call + 32]);
        _code.mov(s_unitBytes, __qword_ptr[s_call + 40]);
    }

    // Processors prefetch within a page; where the next page is, only the list of units tells.
    private void PrefetchUnit()
    {
        _code.mov(s_left, __qword_ptr[s_units]);
        _code.add(s_left, s_sourceBase);
        for (int line = 0; line < PrefetchedLines; line++)
        {
            _code.prefetcht0(__byte_ptr[s_left + (64 * line)]);
        }

        _code.mov(s_left, __qword_ptr[s_units + XtsUnit.DestinationOffsetOffset]);
        _code.add(s_left, s_destinationBase);
        for (int line = 0; line < PrefetchedLines; line++)
        {
            _code.prefetchw(__byte_ptr[s_left + (64 * line)]);
        }
    }

    private void EncryptNumber(ScheduleLayout layout)
    {
        _code.vmovdqu(s_nextTweak, __xmmword_ptr[s_units + XtsUnit.NumberOffset]);
        _code.vpxor(s_nextTweak, s_nextTweak, __xmmword_ptr[s_schedule + layout.TweakOffset]);
        for (int round = 1; round < layout.Rounds; round++)
        {
            _code.vaesenc(s_nextTweak, s_nextTweak, __xmmword_ptr[s_schedule + layout.TweakOffset + (16 * round)]);
        }

        _code.vaesenclast(s_nextTweak, s_nextTweak, __xmmword_ptr[s_schedule + layout.TweakOffset + (16 * layout.Rounds)]);
    }

    // One block in xmm0, with xmm1 to xmm3 as scratch; the tweak is the low part of T[0], whose other lanes are dead by
    // now.
    private void EmitBlock(ScheduleLayout layout, XtsDirection direction, int keys)
    {
        Assembler c = _code;
        c.vmovdqa(xmm3, s_firstTweak);
        c.vpxor(xmm0, xmm3, __xmmword_ptr[s_source]);
        c.vpxor(xmm0, xmm0, __xmmword_ptr[s_schedule + keys]);
        for (int round = 1; round <= layout.Rounds; round++)
        {
            AssemblerMemoryOperand key = __xmmword_ptr[s_schedule + keys + (16 * round)];
            switch (direction, round == layout.Rounds)
            {
                case (XtsDirection.Encrypt, false): c.vaesenc(xmm0, xmm0, key); break;
                case (XtsDirection.Encrypt, true): c.vaesenclast(xmm0, xmm0, key); break;
                case (_, false): c.vaesdec(xmm0, xmm0, key); break;
                default: c.vaesdeclast(xmm0, xmm0, key); break;
            }
        }

        c.vpxor(xmm0, xmm0, xmm3);
        c.vmovdqu(__xmmword_ptr[s_destination], xmm0);

        c.vpsrlq(xmm1, xmm3, 63);
        c.vpclmulqdq(xmm2, xmm1, s_reduction, 0x01);
        c.vpslldq(xmm1, xmm1, 8);
        c.vpsllq(xmm3, xmm3, 1);
        c.vpxor(xmm3, xmm3, xmm1);
        c.vpxor(s_firstTweak, xmm3, xmm2);
    }
}
