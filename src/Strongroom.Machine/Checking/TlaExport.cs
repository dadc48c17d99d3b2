using System.Globalization;

namespace Strongroom.Machine.Checking;

/// <summary>Writes the explored model as a TLA+ module, so that others can check it with tools of their own.</summary>
/// <remarks>
/// One action for each <see cref="StepKind"/>, the same invariants, the flush policy as a constant. The module is
/// text only: this project
/// ships no TLA+ tools, and what it proves is proved by <see cref="Explorer"/>.
/// </remarks>
internal static class TlaExport
{
    /// <summary>Writes the module with its constants for a shape.</summary>
    internal static string Write(ProtocolShape shape)
    {
        string policy = shape.Policy switch
        {
            ProtocolPolicy.LastKeyId => "last",
            ProtocolPolicy.Pools => "pools",
            _ => "allocfree",
        };
        string speculation = shape.Speculation switch
        {
            Speculation.All => "0..(KeyIds - 1)",
            Speculation.Platform => "{0}",
            _ => "{}",
        };
        return Module
            .Replace("@LINES@", Number(shape.Lines))
            .Replace("@KEYIDS@", Number(shape.KeyIds))
            .Replace("@CACHES@", Number(shape.Caches))
            .Replace("@POLICY@", policy)
            .Replace("@SPECULATION@", speculation);
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private const string Module = """
        ---------------------------- MODULE KeyIdAliases ----------------------------
        (* Caches tagged with KeyID and address, memory encrypted under one KeyID a   *)
        (* line, and a page allocator that must flush. "cur" marks copies that hold   *)
        (* the last write of the page's present owner.                               *)
        EXTENDS Integers, FiniteSets

        Lines    == 1..@LINES@
        KeyIds   == @KEYIDS@
        Keys     == 0..(KeyIds - 1)
        Caches   == 1..@CACHES@
        Policy   == "@POLICY@"   \* "allocfree", "last" or "pools"
        Fetched  == @SPECULATION@   \* KeyIDs under which caches fetch on their own
        Free     == -1
        None     == -1

        VARIABLES
          cache,   \* [Caches -> [Lines -> [Keys -> [st: {"I","S","E","M"}, cur: BOOLEAN]]]]
          memory,  \* [Lines -> {None} \cup Keys]: under which KeyID memory holds the current value
          owner,   \* [Lines -> {Free} \cup Keys]
          written, \* [Lines -> BOOLEAN]
          ext,     \* [Lines -> Keys]: page_ext
          pooled,  \* [Lines -> BOOLEAN]
          life,    \* [Keys -> {"free","live","destroyed"}]
          bad      \* a read or a partial write met something else than the current value

        vars == <<cache, memory, owner, written, ext, pooled, life, bad>>

        Gone == [st |-> "I", cur |-> FALSE]

        Init ==
          /\ cache = [c \in Caches |-> [l \in Lines |-> [k \in Keys |-> Gone]]]
          /\ memory = [l \in Lines |-> None]
          /\ owner = [l \in Lines |-> Free]
          /\ written = [l \in Lines |-> FALSE]
          /\ ext = [l \in Lines |-> 0]
          /\ pooled = [l \in Lines |-> FALSE]
          /\ life = [k \in Keys |-> IF k = 0 THEN "live" ELSE "free"]
          /\ bad = FALSE

        \* ---- caches: MESI within one KeyID, nothing across KeyIDs -----------------
        Held(ca, l, k)  == {c \in Caches : ca[c][l][k].st # "I"}
        Dirty(ca, l, k) == {c \in Caches : ca[c][l][k].st = "M"}
        Cur(ca, l, k)   == \E c \in Held(ca, l, k) : ca[c][l][k].cur

        \* What memory holds after the modified copies of l under k were written back.
        Back(ca, me, l, k) ==
          IF Dirty(ca, l, k) = {} THEN me[l] ELSE IF Cur(ca, l, k) THEN k ELSE None

        Drop(ca, l, ks) ==
          [c \in Caches |-> [ca[c] EXCEPT ![l] = [k \in Keys |-> IF k \in ks THEN Gone ELSE ca[c][l][k]]]]

        \* CLFLUSH of line l under KeyID k.
        FlushCache(ca, l, k)      == Drop(ca, l, {k})
        FlushMemory(ca, me, l, k) == [me EXCEPT ![l] = Back(ca, me, l, k)]

        \* The value that a fill of l under k would bring.
        FillCur(l, k) ==
          IF Held(cache, l, k) # {} THEN Cur(cache, l, k) ELSE memory[l] = k

        AcquireCache(c, l, k, excl) ==
          LET others == Held(cache, l, k) \ {c}
              mine   == cache[c][l][k]
              cur    == IF mine.st # "I" THEN mine.cur ELSE FillCur(l, k)
              st     == IF excl \/ others = {} THEN "E" ELSE "S"
          IN  IF mine.st # "I" /\ (~excl \/ mine.st # "S") THEN cache
              ELSE [d \in Caches |->
                     IF d = c THEN [cache[d] EXCEPT ![l][k] = [st |-> st, cur |-> cur]]
                     ELSE IF d \in others
                          THEN [cache[d] EXCEPT ![l][k] = IF excl THEN Gone ELSE [st |-> "S", cur |-> cur]]
                          ELSE cache[d]]

        AcquireMemory(c, l, k, excl) ==
          LET mine == cache[c][l][k]
          IN  IF mine.st # "I" /\ (~excl \/ mine.st # "S") THEN memory
              ELSE IF Dirty(cache, l, k) \ {c} = {} THEN memory
              ELSE [memory EXCEPT ![l] = IF Cur(cache, l, k) THEN k ELSE None]

        \* A whole write: this copy is current, all others are not.
        Overwritten(ca, c, l, k) ==
          [d \in Caches |-> [ca[d] EXCEPT ![l] =
             [q \in Keys |-> IF d = c /\ q = k THEN [st |-> "M", cur |-> TRUE]
                             ELSE [st |-> ca[d][l][q].st, cur |-> FALSE]]]]

        Forgotten(ca, l) ==
          [d \in Caches |-> [ca[d] EXCEPT ![l] = [q \in Keys |-> [st |-> ca[d][l][q].st, cur |-> FALSE]]]]

        \* ---- steps -----------------------------------------------------------------
        Load(c, l) ==
          /\ owner[l] # Free /\ written[l]
          /\ cache' = AcquireCache(c, l, owner[l], FALSE)
          /\ memory' = AcquireMemory(c, l, owner[l], FALSE)
          /\ bad' = (bad \/ ~cache'[c][l][owner[l]].cur)
          /\ UNCHANGED <<owner, written, ext, pooled, life>>

        Store(c, l) ==
          /\ owner[l] # Free /\ written[l]
          /\ LET got == AcquireCache(c, l, owner[l], TRUE)
             IN  /\ bad' = (bad \/ ~got[c][l][owner[l]].cur)
                 /\ cache' = Overwritten(got, c, l, owner[l])
          /\ memory' = [memory EXCEPT ![l] = None]
          /\ UNCHANGED <<owner, written, ext, pooled, life>>

        Zero(c, l) ==
          /\ owner[l] # Free /\ ~written[l]
          /\ cache' = Overwritten(AcquireCache(c, l, owner[l], TRUE), c, l, owner[l])
          /\ memory' = [memory EXCEPT ![l] = None]
          /\ written' = [written EXCEPT ![l] = TRUE]
          /\ UNCHANGED <<owner, ext, pooled, life, bad>>

        Evict(c, l, k) ==
          /\ cache[c][l][k].st # "I"
          /\ cache' = [cache EXCEPT ![c][l][k] = Gone]
          /\ memory' = IF cache[c][l][k].st = "M"
                       THEN [memory EXCEPT ![l] = IF cache[c][l][k].cur THEN k ELSE None]
                       ELSE memory
          /\ UNCHANGED <<owner, written, ext, pooled, life, bad>>

        Speculate(c, l, k) ==
          /\ k \in Fetched /\ cache[c][l][k].st = "I"
          /\ cache' = AcquireCache(c, l, k, FALSE)
          /\ memory' = AcquireMemory(c, l, k, FALSE)
          /\ UNCHANGED <<owner, written, ext, pooled, life, bad>>

        \* The alias that must be flushed before l is used under k, or None.
        FlushedOnAllocate(l, k) ==
          IF Policy = "last" THEN (IF ext[l] # k THEN ext[l] ELSE None)
          ELSE IF k # 0 /\ ~pooled[l] THEN 0 ELSE None

        Allocate(l, k) ==
          /\ owner[l] = Free /\ life[k] = "live" /\ (pooled[l] => ext[l] = k)
          /\ LET a == FlushedOnAllocate(l, k)
             IN  /\ cache' = IF a = None THEN cache ELSE FlushCache(cache, l, a)
                 /\ memory' = IF a = None THEN memory ELSE FlushMemory(cache, memory, l, a)
          /\ owner' = [owner EXCEPT ![l] = k]
          /\ written' = [written EXCEPT ![l] = FALSE]
          /\ ext' = [ext EXCEPT ![l] = k]
          /\ pooled' = [pooled EXCEPT ![l] = FALSE]
          /\ UNCHANGED <<life, bad>>

        UsersOf(k, ow) == {l \in Lines : ow[l] = k}

        \* Freeing page l of owner k; the last page of a destroyed key clears its slot, and no cache may hold a
        \* modified line of it then: the last-KeyID policy flushes everything, pools are drained.
        Retires(k, ow) == k # 0 /\ life[k] = "destroyed" /\ UsersOf(k, ow) = {}

        Flushed(l, k, keep) == Policy # "last" /\ k # 0 /\ ~keep

        FreePage(l, keep) ==
          /\ owner[l] # Free
          /\ keep => (Policy = "pools" /\ owner[l] # 0)
          /\ LET k   == owner[l]
                 ow  == [owner EXCEPT ![l] = Free]
                 ca1 == IF Flushed(l, k, keep) THEN FlushCache(cache, l, k) ELSE cache
                 po1 == [pooled EXCEPT ![l] = keep]
                 ex1 == IF Flushed(l, k, keep) THEN [ext EXCEPT ![l] = 0] ELSE ext
                 dr  == {m \in Lines : po1[m] /\ ex1[m] = k}
                 r   == Retires(k, ow)
             IN  /\ owner' = ow
                 /\ cache' = Forgotten(
                       IF r /\ Policy = "last" THEN [c \in Caches |-> [m \in Lines |-> [q \in Keys |-> Gone]]]
                       ELSE IF r THEN [c \in Caches |-> [m \in Lines |->
                              [q \in Keys |-> IF m \in dr /\ q = k THEN Gone ELSE ca1[c][m][q]]]]
                       ELSE ca1, l)
                 /\ memory' = [m \in Lines |->
                       IF m = l THEN None
                       ELSE IF r /\ Policy = "last" /\ owner[m] # Free THEN Back(cache, memory, m, owner[m])
                       ELSE memory[m]]
                 /\ ext' = [m \in Lines |-> IF r /\ m \in dr THEN 0 ELSE ex1[m]]
                 /\ pooled' = [m \in Lines |-> IF r /\ m \in dr THEN FALSE ELSE po1[m]]
                 /\ life' = IF r THEN [life EXCEPT ![k] = "free"] ELSE life
          /\ written' = [written EXCEPT ![l] = FALSE]
          /\ UNCHANGED bad

        Shrink(l) ==
          /\ pooled[l] /\ owner[l] = Free
          /\ cache' = FlushCache(cache, l, ext[l])
          /\ memory' = [memory EXCEPT ![l] = None]
          /\ pooled' = [pooled EXCEPT ![l] = FALSE]
          /\ ext' = [ext EXCEPT ![l] = 0]
          /\ UNCHANGED <<owner, written, life, bad>>

        CreateKey(k) ==
          /\ k # 0 /\ life[k] = "free"
          /\ life' = [life EXCEPT ![k] = "live"]
          /\ memory' = [l \in Lines |-> IF memory[l] = k THEN None ELSE memory[l]]
          /\ UNCHANGED <<cache, owner, written, ext, pooled, bad>>

        DestroyKey(k) ==
          /\ k # 0 /\ life[k] = "live"
          /\ LET r  == UsersOf(k, owner) = {}
                 dr == {m \in Lines : pooled[m] /\ ext[m] = k}
             IN  /\ life' = [life EXCEPT ![k] = IF r THEN "free" ELSE "destroyed"]
                 /\ cache' = IF r /\ Policy = "last"
                             THEN [c \in Caches |-> [m \in Lines |-> [q \in Keys |-> Gone]]]
                             ELSE IF r THEN [c \in Caches |-> [m \in Lines |->
                                    [q \in Keys |-> IF m \in dr /\ q = k THEN Gone ELSE cache[c][m][q]]]]
                             ELSE cache
                 /\ memory' = [m \in Lines |->
                       IF r /\ Policy = "last" /\ owner[m] # Free THEN Back(cache, memory, m, owner[m]) ELSE memory[m]]
                 /\ ext' = [m \in Lines |-> IF r /\ m \in dr THEN 0 ELSE ext[m]]
                 /\ pooled' = [m \in Lines |-> IF r /\ m \in dr THEN FALSE ELSE pooled[m]]
          /\ UNCHANGED <<owner, written, bad>>

        \* Migration is Allocate, a copy (Load and Zero) and Free in one step; the steps above cover it in pieces.
        Next ==
          \/ \E c \in Caches, l \in Lines : Load(c, l) \/ Store(c, l) \/ Zero(c, l)
          \/ \E c \in Caches, l \in Lines, k \in Keys : Evict(c, l, k) \/ Speculate(c, l, k)
          \/ \E l \in Lines, k \in Keys : Allocate(l, k)
          \/ \E l \in Lines : FreePage(l, FALSE) \/ FreePage(l, TRUE) \/ Shrink(l)
          \/ \E k \in Keys : CreateKey(k) \/ DestroyKey(k)

        Spec == Init /\ [][Next]_vars

        \* ---- invariants ----------------------------------------------------------
        Mesi == \A l \in Lines, k \in Keys : \A c \in Caches :
                  cache[c][l][k].st \in {"E", "M"} => Held(cache, l, k) = {c}
        I1 == \A l \in Lines : Cardinality({k \in Keys : Dirty(cache, l, k) # {}}) <= 1
        I2 == ~bad
        I3 == \A l \in Lines, k \in Keys : Dirty(cache, l, k) # {} => ext[l] = k
        I4 == \A l \in Lines : owner[l] # Free => ext[l] = owner[l]
        I5 == \A k \in Keys : life[k] = "free" =>
                UsersOf(k, owner) = {} /\ \A l \in Lines : Dirty(cache, l, k) = {}
        =============================================================================

        """;
}
