using System.Collections.Generic;
using System.IO;
using Strongroom.Tests.Harness;

namespace Strongroom.Tests.Rules;

/// <summary>The source tree that the tests were built from.</summary>
internal static class Repository
{
    /// <summary>Gets the directory that holds the solution.</summary>
    public static string Root => Workplace.Root;

    /// <summary>Gets the C# files below a directory of the tree, without what a build makes.</summary>
    public static IEnumerable<string> CSharp(string directory) =>
        Directory.EnumerateFiles(Path.Combine(Root, directory), "*.cs", SearchOption.AllDirectories);

    /// <summary>Gets a path as it is written in the tree.</summary>
    public static string Relative(string path) => Path.GetRelativePath(Root, path);
}
