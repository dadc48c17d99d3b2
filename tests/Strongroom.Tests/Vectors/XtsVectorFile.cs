using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.CompilerServices;
using Strongroom.Core;

namespace Strongroom.Tests.Vectors;

/// <summary>One published XTS vector.</summary>
internal sealed record XtsVector(string Name, byte[] Key, UInt128 Number, byte[] Plain, byte[] Cipher)
{
    internal MemoryAlgorithm Algorithm => Key.Length == 32 ? MemoryAlgorithm.AesXts128 : MemoryAlgorithm.AesXts256;
}

/// <summary>Reads the vector files beside this source.</summary>
internal static class XtsVectorFile
{
    /// <summary>Gets the files, and how many vectors each must have, so that none is lost unseen.</summary>
    internal static Dictionary<string, int> Counts { get; } = new()
    {
        ["xts-ieee1619.txt"] = 14,
        ["xts-nist-cavp-sequence.txt"] = 1200,
        ["xts-nist-cavp-tweak.txt"] = 1200,
        ["xts-wycheproof.txt"] = 42,
    };

    internal static List<XtsVector> Read(string name, [CallerFilePath] string thisFile = "")
    {
        List<XtsVector> vectors = [];
        Dictionary<string, string> fields = [];
        foreach (string line in File.ReadLines(Path.Combine(Path.GetDirectoryName(thisFile)!, name)))
        {
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            int space = line.IndexOf(' ', StringComparison.Ordinal);
            fields[line[..space]] = line[(space + 1)..];
            if (line.StartsWith("cipher ", StringComparison.Ordinal))
            {
                byte[] number = Convert.FromHexString(fields["number"]);
                vectors.Add(new XtsVector(
                    fields["name"],
                    Convert.FromHexString(fields["key"]),
                    new UInt128(BitConverter.ToUInt64(number, 8), BitConverter.ToUInt64(number, 0)),
                    Convert.FromHexString(fields["plain"]),
                    Convert.FromHexString(fields["cipher"])));
                fields.Clear();
            }
        }

        return vectors;
    }
}
