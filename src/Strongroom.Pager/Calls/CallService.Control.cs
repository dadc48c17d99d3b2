using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using System.Threading;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Keys;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager.Calls;

/// <content>Questions of `strongroom keys` and `strongroom maps`, asked at a local socket.</content>
/// <remarks>
/// A question is one packet: "keys", or "maps PID". The answer is lines of fields with tabs between them, in packets of whole lines.
/// Nothing in it is secret: KeyIDs, counts and addresses.
/// </remarks>
internal sealed partial class CallService
{
    private const int PacketBytes = 16 << 10;
    private const string SocketPrefix = "strongroom.";
    private static readonly TimeSpan s_pagerPatience = TimeSpan.FromSeconds(5);

    /// <summary>Gets the name of the socket of a pager.</summary>
    internal static string SocketName(int pagerId) => SocketPrefix + pagerId.ToString(CultureInfo.InvariantCulture);

    private void AnswerQuestion(ControlSocket asked)
    {
        using ControlSocket connection = asked;
        Span<byte> question = stackalloc byte[64];
        int length = connection.Receive(question);
        string[] words = length > 0 ? Encoding.ASCII.GetString(question[..length]).Split(' ') : [];
        List<string> lines = words switch
        {
            ["keys"] => DescribeSlots(),
            ["maps", string pid] when int.TryParse(pid, NumberStyles.None, CultureInfo.InvariantCulture, out int process) =>
                AskPager(spaces => DescribeRanges(spaces, process)),
            _ => [],
        };
        StringBuilder packet = new();
        foreach (string line in lines)
        {
            if (packet.Length + line.Length > PacketBytes && !Send(connection, packet))
            {
                return;
            }

            _ = packet.Append(line).Append('\n');
        }

        _ = Send(connection, packet); // false: whoever asked has gone
    }

    private static bool Send(ControlSocket connection, StringBuilder packet)
    {
        bool isSent = packet.Length == 0 || connection.Send(Encoding.UTF8.GetBytes(packet.ToString()));
        _ = packet.Clear();
        return isSent;
    }

    // KeyID, type, algorithm, state, what holds it (key, VMAs, pages), bytes mapped and bytes of ciphertext under it, serial, description.
    private List<string> DescribeSlots()
    {
        Sweep(isForced: true);
        Dictionary<int, (ulong Mapped, long Sealed)> sizes = [];
        _ = AskPager(spaces =>
        {
            foreach (AddressSpace space in spaces)
            {
                foreach (KeyRange range in space.KeyRanges)
                {
                    int keyId = range.Domain.KeyId.Value;
                    ulong before = sizes.GetValueOrDefault(keyId).Mapped;
                    sizes[keyId] = (before + range.Range.LengthBytes, range.Domain.SealedBytes);
                }
            }

            foreach (KeyedFile file in _context.Files.Values)
            {
                if (file.Domain is { } domain)
                {
                    ulong before = sizes.GetValueOrDefault(domain.KeyId.Value).Mapped;
                    sizes[domain.KeyId.Value] = (before + (ulong)file.Memory.SizeBytes(), domain.SealedBytes);
                }
            }

            return [];
        });
        List<string> lines = [];
        foreach (KeyInfo info in _keys.List())
        {
            (ulong mapped, long isSealed) = sizes.GetValueOrDefault(info.KeyId.Value);
            string state = info.IsErased ? "erased" : info.IsRevoked ? "revoked" : info.Serial.Value == 0 ? "killed" : "assigned";
            lines.Add(string.Join(
                '\t',
                info.KeyId,
                info.Spec.Type == MemoryKeyType.NoEncrypt ? "no-encrypt" : info.Spec.Type.ToString().ToLowerInvariant(),
                info.Spec.Type is MemoryKeyType.User or MemoryKeyType.Cpu ? AlgorithmName(info.Spec.Algorithm) : "-",
                state,
                info.References.IsHeldByKey ? 1 : 0,
                info.References.VmaCount,
                info.References.PageCount,
                mapped,
                isSealed,
                info.Serial,
                Printable(info.Description)));
        }

        return lines;
    }

    // First address, end, KeyID.
    private List<string> DescribeRanges(IEnumerable<AddressSpace> spaces, int process)
    {
        List<string> lines = [];
        List<AddressRange> ranges = [];
        foreach (AddressSpace space in spaces)
        {
            if (space.TargetPid == process)
            {
                foreach (KeyRange range in space.KeyRanges)
                {
                    lines.Add($"{range.Range.Start.Value:x}\t{range.Range.End.Value:x}\t{range.Domain.KeyId}");
                }

                foreach (KeyedFile file in _context.Files.Values)
                {
                    ranges.Clear();
                    space.AddRangesOf(file, ranges);
                    lines.AddRange(ranges.ConvertAll(
                        each => $"{each.Start.Value:x}\t{each.End.Value:x}\t{file.Domain?.KeyId ?? default}"));
                }
            }
        }

        return lines;
    }

    private List<string> AskPager(Func<IEnumerable<AddressSpace>, List<string>> question)
    {
        using ManualResetEventSlim isAnswered = new();
        List<string>? lines = null;
        _tell(new SpacesAsked(spaces =>
        {
            List<string> found = question(spaces);
            Volatile.Write(ref lines, found);
            try
            {
                isAnswered.Set();
            }
            catch (ObjectDisposedException)
            {
                // Whoever asked has lost patience.
            }
        }));
        _ = WaitHandle.WaitAny([isAnswered.WaitHandle, _ending], s_pagerPatience);
        return Volatile.Read(ref lines) ?? [];
    }

    private static string AlgorithmName(AlgorithmSet algorithm) =>
        algorithm == AlgorithmSet.AesXts256 ? "aes-xts-256" : "aes-xts-128";

    private static string Printable(string text)
    {
        StringBuilder printable = new(text.Length);
        foreach (char c in text)
        {
            _ = printable.Append(char.IsControl(c) ? '?' : c);
        }

        return printable.ToString();
    }
}
