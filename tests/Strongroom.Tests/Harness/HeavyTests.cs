using Xunit;

namespace Strongroom.Tests.Harness;

/// <summary>Tests that fill the machine: they run one after another and beside nothing else.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public class HeavyTests
{
    public const string Name = "Heavy";
}
