using Iced.Intel;
using Strongroom.Crypto.Backends;

namespace Strongroom.Crypto.Machine;

/// <content>The parts that work on whole vectors, written once for both widths. Vector registers go by number.</content>
internal sealed partial class XtsAssembler
{
    private const int Key = 0;
    private const int Scratch1 = 1;
    private const int Scratch2 = 2;
    private const int Scratch3 = 3;
    private const int NextTweakVector = 4; // whose low part is s_nextTweak
    private const int ReductionVector = 5; // 0x87 in every 64 bits
    private const int FirstTweakVector = 8;
    private const byte TernaryXor = 0x96;  // the truth table of a ^ b ^ c

    // Half an operand of a carry-less multiplication: of the left one, high; of both, low.
    private const byte HighOfFirst = 0x01;
    private const byte LowOfBoth = 0x00;

    private static int Tweak(int i) => FirstTweakVector + i;

    private int Data(int i) => FirstTweakVector + _width.Vectors + i;

    // The reduction constant into its register.
    private void LoadReduction() => Emit(_width.Broadcast, ReductionVector, s_constants, ReductionOffset);

    // T[i] from the next unit's encrypted number.
    private void SpreadTweak()
    {
        Emit(_width.PickLanes, Scratch2, NextTweakVector, NextTweakVector, 0);
        for (int i = 0; i < _width.Vectors; i++)
        {
            int counts = _width.VectorBytes * i;
            Emit(_width.ShiftRightEach, Scratch3, Scratch2, s_constants, RightShifts + counts);
            Emit(_width.ShiftLeftEach, Tweak(i), Scratch2, s_constants, LeftShifts + counts);
            Emit(_width.MultiplyCarryless, Data(i), Scratch3, ReductionVector, HighOfFirst);
            EmitImmediate(_width.ShiftLeftBytes, Scratch3, Scratch3, 8);
            XorBoth(Tweak(i), Scratch3, Data(i));
        }
    }

    private void EmitWide(ScheduleLayout layout, XtsDirection direction, int keys)
    {
        LoadAndWhiten(keys);
        Code round = direction == XtsDirection.Encrypt ? _width.Encrypt : _width.Decrypt;
        for (int i = 1; i < layout.Rounds; i++)
        {
            LoadKey(keys + (16 * i));
            for (int j = 0; j < _width.Vectors; j++)
            {
                Emit(round, Data(j), Data(j), Key);
            }
        }

        LoadKey(keys + (16 * layout.Rounds));
        LastRoundStoreAndStep(direction == XtsDirection.Encrypt ? _width.EncryptLast : _width.DecryptLast);
    }

    // D[i] = source[i] ^ T[i] ^ first key.
    private void LoadAndWhiten(int keys)
    {
        LoadKey(keys);
        for (int i = 0; i < _width.Vectors; i++)
        {
            int offset = _width.VectorBytes * i;
            if (_width.TernaryLogic == Code.INVALID)
            {
                Emit(_width.Xor, Data(i), Tweak(i), s_source, offset);
                Emit(_width.Xor, Data(i), Data(i), Key);
            }
            else
            {
                Emit(_width.Copy, Data(i), Tweak(i));
                _code.AddInstruction(Instruction.Create(
                    _width.TernaryLogic, Vector(Data(i)), Vector(Key), At(s_source, offset), TernaryXor));
            }
        }
    }

    // The last round on every D[i], the second whitening, the stores, and the step of every T[i].
    private void LastRoundStoreAndStep(Code lastRound)
    {
        byte stepBytes = (byte)(_width.WideBytes / 16 / 8); // alpha^(blocks in flight) shifts by whole bytes
        for (int i = 0; i < _width.Vectors; i++)
        {
            // The second whitening rides on the last round key, off the critical path.
            Emit(_width.Xor, Scratch1, Tweak(i), Key);
            Emit(lastRound, Data(i), Data(i), Scratch1);
            _code.AddInstruction(Instruction.Create(
                _width.Store, At(s_destination, _width.VectorBytes * i), Vector(Data(i))));

            EmitImmediate(_width.ShiftRightBytes, Scratch2, Tweak(i), (byte)(16 - stepBytes));
            Emit(_width.MultiplyCarryless, Scratch2, Scratch2, ReductionVector, LowOfBoth);
            EmitImmediate(_width.ShiftLeftBytes, Tweak(i), Tweak(i), stepBytes);
            Emit(_width.Xor, Tweak(i), Tweak(i), Scratch2);
        }
    }

    private void ClearVectors()
    {
        for (int i = 16; i < Data(_width.Vectors); i++)
        {
            Emit(_width.Xor, i, i, i);
        }

        _code.vzeroall(); // registers 0 to 15, all their bits; those after the last D were never used
    }

    private void LoadKey(int offset) => Emit(_width.Broadcast, Key, s_schedule, offset);

    // destination ^= a ^ b
    private void XorBoth(int destination, int a, int b)
    {
        if (_width.TernaryLogic == Code.INVALID)
        {
            Emit(_width.Xor, destination, destination, a);
            Emit(_width.Xor, destination, destination, b);
        }
        else
        {
            Emit(_width.TernaryLogic, destination, a, b, TernaryXor);
        }
    }

    private Register Vector(int number) => _width.Zero + number;

    // No displacement byte where there is nothing to displace.
    private static MemoryOperand At(AssemblerRegister64 address, int offset) => new(address, offset, offset == 0 ? 0 : 1);

    private void Emit(Code code, int destination, int a) =>
        _code.AddInstruction(Instruction.Create(code, Vector(destination), Vector(a)));

    private void Emit(Code code, int destination, int a, int b) =>
        _code.AddInstruction(Instruction.Create(code, Vector(destination), Vector(a), Vector(b)));

    private void Emit(Code code, int destination, int a, int b, byte immediate) =>
        _code.AddInstruction(Instruction.Create(code, Vector(destination), Vector(a), Vector(b), immediate));

    private void EmitImmediate(Code code, int destination, int a, byte immediate) =>
        _code.AddInstruction(Instruction.Create(code, Vector(destination), Vector(a), immediate));

    private void Emit(Code code, int destination, AssemblerRegister64 address, int offset) =>
        _code.AddInstruction(Instruction.Create(code, Vector(destination), At(address, offset)));

    private void Emit(Code code, int destination, int a, AssemblerRegister64 address, int offset) =>
        _code.AddInstruction(Instruction.Create(code, Vector(destination), Vector(a), At(address, offset)));
}
