using System.Diagnostics.CodeAnalysis;

namespace Strongroom.Keys;

/// <summary>Whose rules the key service follows: one posting of the patch series, or the union of them.</summary>
public enum KeyApiVersion
{
    /// <summary>Everything that any later version accepts, the newest documented behaviour where they differ, and
    /// aes-xts-256.</summary>
    Union,

    /// <summary>The first RFC, September 2018: 12 patches, <c>userkey=</c> and <c>entropy=</c>.</summary>
    Rfc1,

    /// <summary>The second RFC, December 2018: 13 patches, types user, cpu, clear and no-encrypt,
    /// KEYCTL_UPDATE.</summary>
    Rfc2,

    /// <summary>The RFC of 62 patches, May 2019: types user, cpu and no-encrypt.</summary>
    Rfc62,

    /// <summary>PATCHv2, 59 patches, July 2019: types cpu and no-encrypt, no key material from user space.</summary>
    V2,
}

/// <summary>The names of the versions on a command line.</summary>
public static class KeyApiVersions
{
    /// <summary>Reads the name of a version: <c>union</c>, <c>rfc1</c>, <c>rfc2</c>, <c>rfc62</c> or
    /// <c>v2</c>.</summary>
    /// <param name="name">The name, in lower case.</param>
    /// <param name="version">The version.</param>
    /// <returns>False when no version has that name.</returns>
    public static bool TryParse([NotNullWhen(true)] string? name, out KeyApiVersion version)
    {
        (bool isKnown, version) = name switch
        {
            "union" => (true, KeyApiVersion.Union),
            "rfc1" => (true, KeyApiVersion.Rfc1),
            "rfc2" => (true, KeyApiVersion.Rfc2),
            "rfc62" => (true, KeyApiVersion.Rfc62),
            "v2" => (true, KeyApiVersion.V2),
            _ => (false, KeyApiVersion.Union),
        };
        return isKnown;
    }
}
