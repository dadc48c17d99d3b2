namespace Strongroom.Crypto;

/// <summary>What was decided about one backend of the engine.</summary>
/// <param name="Name">The backend's name, as STRONGROOM_XTS_BACKEND takes it.</param>
/// <param name="IsChosen">Whether it is the one in use.</param>
/// <param name="Reason">Why, as a clause for a report.</param>
public sealed record XtsCandidate(string Name, bool IsChosen, string Reason);
