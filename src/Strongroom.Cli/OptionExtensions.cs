using System;
using System.CommandLine;

namespace Strongroom.Cli;

/// <summary>What several commands ask of their options.</summary>
internal static class OptionExtensions
{
    /// <summary>Refuses every value but these, in a sentence of our own.</summary>
    internal static Option<string> AcceptOnly(this Option<string> option, params string[] values)
    {
        option.Validators.Add(result =>
        {
            string value = result.Tokens.Count > 0 ? result.Tokens[0].Value : string.Empty;
            if (result.Tokens.Count > 0 && Array.IndexOf(values, value) < 0)
            {
                result.AddError($"{option.Name} must be {string.Join(" or ", values)}, not '{value}'.");
            }
        });
        option.CompletionSources.Add(values);
        return option;
    }
}
