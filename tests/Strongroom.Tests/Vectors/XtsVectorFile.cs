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
    internal static string[] Names { get; } = ["xts-ieee1619.txt", "xts-nist-cavp.txt", "xts-wycheproof.txt"];

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
