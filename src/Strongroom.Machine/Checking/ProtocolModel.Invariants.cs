namespace Strongroom.Machine.Checking;

internal sealed partial class ProtocolModel
{
    /// <inheritdoc/>
    internal override string? FindBrokenInvariant(ulong s)
    {
        for (int l = 0; l < _lines; l++)
        {
            string? broken = FindBrokenLine(s, l);
            if (broken is not null)
            {
                return broken;
            }
        }

        for (int k = 1; k < _keyIds; k++)
        {
            int pages = 0;
            for (int l = 0; l < _lines; l++)
            {
                pages += Owner(Line(s, l)) == 1 + k ? 1 : 0;
            }

            if (pages != References(Key(s, k)))
            {
                return "I5: a slot's references do not count the pages under it";
            }
        }

        return null;
    }

    /// <inheritdoc/>
    internal override string Describe(Step step) => $"{(StepKind)step.Kind} cpu {step.A} line {step.B} KeyID {step.C}";

    /// <inheritdoc/>
    internal override string Describe(ulong s)
    {
        System.Text.StringBuilder text = new();
        for (int l = 0; l < _lines; l++)
        {
            int line = Line(s, l);
            string owner = IsPooled(line) ? "pooled" : Owner(line) == 0 ? "free" : $"owner KeyID {Owner(line) - 1}";
            string memory = Memory(line) == 0 ? "memory old" : $"memory current under KeyID {Memory(line) - 1}";
            _ = text.Append($"line {l}: {owner}{(IsWritten(line) ? ", written" : string.Empty)}, page_ext {Ext(line)}, {memory};");
            for (int c = 0; c < _caches; c++)
            {
                for (int k = 0; k < _keyIds; k++)
                {
                    int entry = Entry(s, c, l, k);
                    if (entry != Invalid)
                    {
                        _ = text.Append($" cpu {c} KeyID {k} {"ISEM"[entry >> 1]}{(IsCurrent(entry) ? " current" : " old")};");
                    }
                }
            }

            _ = text.Append(' ');
        }

        for (int k = 1; k < _keyIds; k++)
        {
            string life = Life(Key(s, k)) switch { 0 => "free", 1 => "live", _ => "destroyed" };
            _ = text.Append($"KeyID {k}: {life}, {References(Key(s, k))} references. ");
        }

        return text.ToString().TrimEnd();
    }

    private string? FindBrokenLine(ulong s, int l)
    {
        int line = Line(s, l);
        int modifiedAlias = -1;
        for (int k = 0; k < _keyIds; k++)
        {
            int holders = 0;
            int owners = 0;
            int modified = 0;
            for (int c = 0; c < _caches; c++)
            {
                int kind = Kind(Entry(s, c, l, k));
                holders += kind != Invalid ? 1 : 0;
                owners += kind > Shared ? 1 : 0;
                modified += kind == Modified ? 1 : 0;
            }

            if (owners > 1 || (owners == 1 && holders > 1))
            {
                return "MESI: a line is owned by one cache and held by another";
            }

            if (modified == 0)
            {
                continue;
            }

            if (modifiedAlias >= 0)
            {
                return "I1: one physical line is modified under two KeyIDs";
            }

            modifiedAlias = k;
            if (Ext(line) != k)
            {
                return "I3: a line is modified under a KeyID that page_ext does not name";
            }
        }

        bool owned = Owner(line) != 0;
        return owned && Ext(line) != Owner(line) - 1 ? "I4: page_ext does not name the KeyID in force" : null;
    }
}
