using System;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Strongroom.Keys;
using Strongroom.Pager;

namespace Strongroom.Cli.Commands;

/// <summary>The options of run that concern the proposed system calls.</summary>
internal sealed class CallOptionSet
{
    private static readonly string[] s_names = ["encrypt_mprotect", "secretmemfd", "sys_encrypt", "strongroom_open"];

    private readonly Option<string> _keys = new("--keys")
    {
        Description = "on, unless given: the program finds the mktme key type, encrypt_mprotect and secretmemfd; off: no filter stands before it",
        HelpName = "on|off",
    };

    private readonly Option<string> _api = new("--api")
    {
        Description = "Whose rules these calls follow: all versions' together, unless given, or one's",
        HelpName = "union|rfc1|rfc2|rfc62|v2",
    };

    private readonly Option<int> _keyIdBits = new("--keyid-bits")
    {
        Description = "Bits of a KeyID, 1 to 15: 2^N - 1 keys at a time; 15 unless given, the first hardware had 6",
        HelpName = "N",
    };

    private readonly Option<string[]> _numbers = new("--syscall")
    {
        Description = $"Another number than that of strongroom.h for {string.Join(", ", s_names)}",
        HelpName = "NAME=NUMBER",
    };

    /// <summary>Adds them to the command.</summary>
    internal void AddTo(Command command)
    {
        _keyIdBits.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 15)
            {
                result.AddError("--keyid-bits takes 1 to 15.");
            }
        });
        _numbers.Validators.Add(CheckNumbers);
        command.Add(_keys.AcceptOnly("on", "off"));
        command.Add(_api.AcceptOnly("union", "rfc1", "rfc2", "rfc62", "v2"));
        command.Add(_keyIdBits);
        command.Add(_numbers);
    }

    /// <summary>Reads them; null when the calls are switched off.</summary>
    internal CallOptions? Read(ParseResult parsed)
    {
        if (parsed.GetValue(_keys) == "off")
        {
            return null;
        }

        CallOptions options = new();
        if (KeyApiVersions.TryParse(parsed.GetValue(_api), out KeyApiVersion version))
        {
            options = options with { Api = version };
        }

        if (parsed.GetResult(_keyIdBits) is not null)
        {
            options = options with { KeyIdBits = parsed.GetValue(_keyIdBits) };
        }

        foreach (string pair in parsed.GetValue(_numbers) ?? [])
        {
            _ = TrySplit(pair, out string name, out int number); // checked while parsing
            options = name switch
            {
                "encrypt_mprotect" => options with { EncryptMprotect = number },
                "secretmemfd" => options with { SecretMemfd = number },
                "strongroom_open" => options with { Open = number },
                _ => options with { Encrypt = number },
            };
        }

        return options;
    }

    private static void CheckNumbers(OptionResult result)
    {
        foreach (Token token in result.Tokens)
        {
            if (!TrySplit(token.Value, out string name, out _) || Array.IndexOf(s_names, name) < 0)
            {
                result.AddError($"--syscall takes {string.Join(", ", s_names)}, `=` and a number, not '{token.Value}'.");
            }
        }
    }

    private static bool TrySplit(string pair, out string name, out int number)
    {
        string[] parts = pair.Split('=', 2);
        name = parts[0];
        number = 0;
        return parts.Length == 2 && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
