using System.Globalization;

namespace Strongroom.Machine.Checking;

/// <content>The same model in TLA+: one action for each <see cref="FrameStep"/>. Lists are sets there, and nothing is counted.</content>
internal sealed partial class FrameModel
{
    /// <inheritdoc/>
    internal override string TlaInvariants => "I8 Merged Clean";

    /// <inheritdoc/>
    internal override string TlaModule => ModuleText
        .Replace("@KEYIDS@", _keyIds.ToString(CultureInfo.InvariantCulture))
        .Replace("@POLICY@", TlaExport.NameOf(_policy));

    private const string ModuleText = """
        ---------------------------- MODULE @NAME@ ----------------------------
        (* The page allocator's lists: blocks of two frames and single ones, lists of *)
        (* CPUs, pools of KeyIDs, and a section of memory that can be unplugged.     *)
        (* Operators that end in "Of" take a state and give the next one.            *)
        EXTENDS Integers, FiniteSets

        Frames  == 0..3
        Firsts  == {0, 2}          \* of blocks of two
        Section == {2, 3}
        Cpus    == 0..1
        KeyIds  == @KEYIDS@
        Keys    == 0..(KeyIds - 1)
        Policy  == "@POLICY@"      \* "allocfree", "last" or "pools"

        VARIABLE
          s   \* single, pair, heads, used, aside, absent: sets of frames; pair and heads hold the first of a block
              \* cpu:  [Cpus -> SUBSET Frames]
              \* pool: [Keys -> SUBSET Frames]
              \* ext:  [Frames -> Keys]: page_ext

        Init ==
          s = [single |-> {}, pair |-> Firsts, heads |-> {}, used |-> {}, aside |-> {}, absent |-> {},
               cpu |-> [c \in Cpus |-> {}], pool |-> [k \in Keys |-> {}], ext |-> [f \in Frames |-> 0]]

        BuddyOf(f) == IF f % 2 = 0 THEN f + 1 ELSE f - 1
        FirstOf(f) == f - (f % 2)
        Pooled(x)  == UNION {x.pool[k] : k \in Keys}
        HasRoom(c) == Cardinality(s.cpu[c]) < 2

        \* Frames that nobody owns come out of their free lists; the other half of a block stays.
        TakenOf(x, f) ==
          IF f \in x.single THEN [x EXCEPT !.single = @ \ {f}]
          ELSE [x EXCEPT !.pair = @ \ {FirstOf(f)}, !.single = @ \cup {BuddyOf(f)}]

        \* A frame goes to the buddy lists, as a block with its buddy if that is there.
        FreedOf(x, f) ==
          IF BuddyOf(f) \in x.single
          THEN [x EXCEPT !.single = @ \ {BuddyOf(f)}, !.pair = @ \cup {FirstOf(f)}]
          ELSE [x EXCEPT !.single = @ \cup {f}]

        UsedOf(x, f, k) == [x EXCEPT !.used = @ \cup {f}, !.ext[f] = k]
        ReleasedOf(x, f) == [x EXCEPT !.used = @ \ {f}, !.ext[f] = IF Policy = "last" THEN @ ELSE 0]
        ListedOf(x, f, c) == [x EXCEPT !.cpu[c] = @ \cup {f}]

        IsSingle(f) == f \in s.used /\ FirstOf(f) \notin s.heads
        IsKept(f)   == Policy = "pools" /\ s.ext[f] # 0 /\ Cardinality(Pooled(s)) < 2

        \* ---- steps -----------------------------------------------------------------
        Refill(f, c) ==
          /\ HasRoom(c)
          /\ f \in s.single \/ (s.single = {} /\ f \in s.pair)
          /\ s' = ListedOf(TakenOf(s, f), f, c)

        Drain(f, c) ==
          /\ f \in s.cpu[c]
          /\ s' = FreedOf([s EXCEPT !.cpu[c] = @ \ {f}], f)

        Allocate(f, k) ==
          /\ ~(Policy = "pools" /\ k # 0 /\ s.pool[k] # {})
          /\ \E c \in Cpus : f \in s.cpu[c] /\ s' = UsedOf([s EXCEPT !.cpu[c] = @ \ {f}], f, k)

        AllocatePair(f, k) ==
          /\ f \in s.pair
          /\ s' = [UsedOf(UsedOf(s, f, k), f + 1, k) EXCEPT !.pair = @ \ {f}, !.heads = @ \cup {f}]

        Reuse(f, k) ==
          /\ f \in s.pool[k]
          /\ s' = UsedOf([s EXCEPT !.pool[k] = @ \ {f}], f, k)

        Free(f, c) ==
          /\ IsSingle(f) /\ ~IsKept(f) /\ HasRoom(c)
          /\ s' = ListedOf(ReleasedOf(s, f), f, c)

        Pool(f) ==
          /\ IsSingle(f) /\ IsKept(f)
          /\ s' = [s EXCEPT !.used = @ \ {f}, !.pool[s.ext[f]] = @ \cup {f}]

        Shrink(f, c) ==
          /\ HasRoom(c)
          /\ \E k \in Keys : f \in s.pool[k] /\ s' = [ListedOf(s, f, c) EXCEPT !.pool[k] = @ \ {f}, !.ext[f] = 0]

        FreePair(f) ==
          /\ f \in s.heads
          /\ s' = [ReleasedOf(ReleasedOf(s, f), f + 1) EXCEPT !.heads = @ \ {f}, !.pair = @ \cup {f}]

        SplitPair(f) ==
          /\ f \in s.heads
          /\ s' = [s EXCEPT !.heads = @ \ {f}]

        Isolate(f) ==
          /\ f \in Section /\ (f \in s.single \/ FirstOf(f) \in s.pair)
          /\ s' = [TakenOf(s, f) EXCEPT !.aside = @ \cup {f}]

        Unisolate(f) ==
          /\ f \in s.aside
          /\ s' = FreedOf([s EXCEPT !.aside = @ \ {f}], f)

        Offline ==
          /\ s.aside = Section
          /\ s' = [s EXCEPT !.aside = {}, !.absent = Section, !.ext = [f \in Frames |-> IF f \in Section THEN 0 ELSE s.ext[f]]]

        Online ==
          /\ s.absent = Section
          /\ s' = [s EXCEPT !.absent = {}, !.pair = @ \cup {2}]

        Next ==
          \/ \E f \in Frames, c \in Cpus : Refill(f, c) \/ Drain(f, c) \/ Free(f, c) \/ Shrink(f, c)
          \/ \E f \in Frames, k \in Keys : Allocate(f, k) \/ AllocatePair(f, k) \/ Reuse(f, k)
          \/ \E f \in Frames : Pool(f) \/ FreePair(f) \/ SplitPair(f) \/ Isolate(f) \/ Unisolate(f)
          \/ Offline \/ Online

        Spec == Init /\ [][Next]_s

        \* ---- invariants ----------------------------------------------------------
        Blocks(firsts) == firsts \cup {f + 1 : f \in firsts}
        Count(f, set) == IF f \in set THEN 1 ELSE 0
        Places(f) ==
          Count(f, s.single) + Count(f, Blocks(s.pair)) + Count(f, s.used) + Count(f, s.aside) + Count(f, s.absent)
          + Cardinality({c \in Cpus : f \in s.cpu[c]}) + Cardinality({k \in Keys : f \in s.pool[k]})
        I8 == /\ \A f \in Frames : Places(f) = 1
              /\ Blocks(s.heads) \subseteq s.used
        Merged == \A f \in Firsts : ~({f, f + 1} \subseteq s.single)
        Clean == /\ \A k \in Keys : \A f \in s.pool[k] : s.ext[f] = k /\ k # 0
                 /\ Policy # "last" => \A f \in Frames \ (s.used \cup Pooled(s)) : s.ext[f] = 0
        =============================================================================

        """;
}
