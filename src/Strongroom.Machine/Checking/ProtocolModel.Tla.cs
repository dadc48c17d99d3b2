using System.Globalization;

namespace Strongroom.Machine.Checking;

/// <content>The same model in TLA+: one action for each <see cref="StepKind"/>.</content>
internal sealed partial class ProtocolModel
{
    /// <inheritdoc/>
    internal override string TlaInvariants => "Mesi I1 I2 I3 I4 I5";

    /// <inheritdoc/>
    internal override string TlaModule => ModuleText
        .Replace("@LINES@", _lines.ToString(CultureInfo.InvariantCulture))
        .Replace("@KEYIDS@", _keyIds.ToString(CultureInfo.InvariantCulture))
        .Replace("@CACHES@", _caches.ToString(CultureInfo.InvariantCulture))
        .Replace("@POLICY@", TlaExport.NameOf(_policy))
        .Replace("@SPECULATION@", _speculation switch
        {
            Speculation.All => "0..(KeyIds - 1)",
            Speculation.Platform => "{0}",
            _ => "{}",
        });

    private const string ModuleText = """
        ---------------------------- MODULE @NAME@ ----------------------------
        (* Caches tagged with KeyID and address, memory encrypted under one KeyID a   *)
        (* line, and a page allocator that must flush. "cur" marks copies that hold   *)
        (* the last write of the page's present owner. Operators that end in "Of"     *)
        (* take a state and give the next one.                                       *)
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
          s,   \* cache:   [Caches -> [Lines -> [Keys -> [kind: {"I","S","E","M"}, cur: BOOLEAN]]]]
               \* memory:  [Lines -> {None} \cup Keys]: under which KeyID memory holds the current value
               \* owner:   [Lines -> {Free} \cup Keys]
               \* written: [Lines -> BOOLEAN]
               \* ext:     [Lines -> Keys]: page_ext
               \* pooled:  [Lines -> BOOLEAN]
               \* life:    [Keys -> {"free","live","destroyed"}]
          bad  \* a read or a partial write met something else than the current value

        Gone == [kind |-> "I", cur |-> FALSE]

        Init ==
          /\ s = [cache   |-> [c \in Caches |-> [l \in Lines |-> [k \in Keys |-> Gone]]],
                  memory  |-> [l \in Lines |-> None],
                  owner   |-> [l \in Lines |-> Free],
                  written |-> [l \in Lines |-> FALSE],
                  ext     |-> [l \in Lines |-> 0],
                  pooled  |-> [l \in Lines |-> FALSE],
                  life    |-> [k \in Keys |-> IF k = 0 THEN "live" ELSE "free"]]
          /\ bad = FALSE

        \* ---- caches: MESI within one KeyID, nothing across KeyIDs -----------------
        Held(x, l, k)  == {c \in Caches : x.cache[c][l][k].kind # "I"}
        Dirty(x, l, k) == {c \in Caches : x.cache[c][l][k].kind = "M"}

        \* What memory holds after the modified copies of l under k in some caches were written back.
        Back(x, l, k, from) ==
          IF from = {} THEN x.memory[l]
          ELSE IF \E c \in from : x.cache[c][l][k].cur THEN k ELSE None

        EvictOf(x, c, l, k) ==
          [x EXCEPT !.memory[l] = Back(x, l, k, Dirty(x, l, k) \cap {c}), !.cache[c][l][k] = Gone]

        \* CLFLUSH of line l under KeyID k.
        FlushOf(x, l, k) ==
          [x EXCEPT !.memory[l] = Back(x, l, k, Dirty(x, l, k)),
                    !.cache = [c \in Caches |-> [x.cache[c] EXCEPT ![l][k] = Gone]]]

        \* WBINVD on every package.
        FlushEverythingOf(x) ==
          [x EXCEPT !.memory = [l \in Lines |->
                       IF \A k \in Keys : Dirty(x, l, k) = {} THEN x.memory[l]
                       ELSE LET k == CHOOSE q \in Keys : Dirty(x, l, q) # {} IN Back(x, l, k, Dirty(x, l, k))],
                    !.cache = [c \in Caches |-> [l \in Lines |-> [k \in Keys |-> Gone]]]]

        AcquireOf(x, c, l, k, excl) ==
          LET mine   == x.cache[c][l][k]
              others == Held(x, l, k) \ {c}
              cur    == IF mine.kind # "I" THEN mine.cur
                        ELSE IF others # {} THEN \E d \in others : x.cache[d][l][k].cur
                        ELSE x.memory[l] = k
              kind   == IF excl \/ others = {} THEN "E" ELSE "S"
              Left(d) == IF excl THEN Gone ELSE [kind |-> "S", cur |-> x.cache[d][l][k].cur]
          IN  IF mine.kind # "I" /\ (~excl \/ mine.kind # "S") THEN x
              ELSE [x EXCEPT !.memory[l] = Back(x, l, k, Dirty(x, l, k) \ {c}),
                             !.cache = [d \in Caches |->
                                IF d = c THEN [x.cache[d] EXCEPT ![l][k] = [kind |-> kind, cur |-> cur]]
                                ELSE IF d \in others THEN [x.cache[d] EXCEPT ![l][k] = Left(d)]
                                ELSE x.cache[d]]]

        \* No copy of l is the current one any more.
        ForgetOf(x, l) ==
          [x EXCEPT !.memory[l] = None,
                    !.cache = [c \in Caches |-> [x.cache[c] EXCEPT
                       ![l] = [k \in Keys |-> [kind |-> x.cache[c][l][k].kind, cur |-> FALSE]]]]]

        \* A write: the copy of cache c is current, all others are not.
        OverwriteOf(x, c, l, k) == [ForgetOf(x, l) EXCEPT !.cache[c][l][k] = [kind |-> "M", cur |-> TRUE]]

        IsStale(x, c, l) == ~x.cache[c][l][x.owner[l]].cur

        \* ---- the kernel --------------------------------------------------------------
        UsersOf(x, k) == {l \in Lines : x.owner[l] = k}

        ZeroOf(x, c, l) ==
          [OverwriteOf(AcquireOf(x, c, l, x.owner[l], TRUE), c, l, x.owner[l]) EXCEPT !.written[l] = TRUE]

        \* The alias that must be flushed before l is used under k, or None.
        Alias(x, l, k) ==
          IF Policy = "last" THEN (IF x.ext[l] # k THEN x.ext[l] ELSE None)
          ELSE IF k # 0 /\ ~x.pooled[l] THEN 0 ELSE None

        AllocateOf(x, l, k) ==
          LET a == Alias(x, l, k)
              y == IF a = None THEN x ELSE FlushOf(x, l, a)
          IN  [y EXCEPT !.owner[l] = k, !.written[l] = FALSE, !.ext[l] = k, !.pooled[l] = FALSE]

        \* A page leaves its pool.
        ShrinkOf(x, l) == [FlushOf(x, l, x.ext[l]) EXCEPT !.pooled[l] = FALSE, !.ext[l] = 0]

        RECURSIVE DrainOf(_, _)
        DrainOf(x, k) ==
          LET left == {l \in Lines : x.pooled[l] /\ x.ext[l] = k}
          IN  IF left = {} THEN x ELSE DrainOf(ShrinkOf(x, CHOOSE l \in left : TRUE), k)

        \* A slot is cleared; no cache may hold a modified line of it then (I5).
        RetireOf(x, k) ==
          [DrainOf(IF Policy = "last" THEN FlushEverythingOf(x) ELSE x, k) EXCEPT !.life[k] = "free"]

        \* The last page of a destroyed key clears its slot.
        FreeOf(x, l, keep) ==
          LET k == x.owner[l]
              y == [ForgetOf(x, l) EXCEPT !.owner[l] = Free, !.written[l] = FALSE, !.pooled[l] = keep]
              z == IF Policy # "last" /\ k # 0 /\ ~keep THEN [FlushOf(y, l, k) EXCEPT !.ext[l] = 0] ELSE y
          IN  IF k # 0 /\ z.life[k] = "destroyed" /\ UsersOf(z, k) = {} THEN RetireOf(z, k) ELSE z

        MigrateOf(x, c, l, m) ==
          LET y == AllocateOf(AcquireOf(x, c, l, x.owner[l], FALSE), m, x.owner[l])
          IN  FreeOf(ZeroOf(y, c, m), l, FALSE)

        \* ---- steps -----------------------------------------------------------------
        Load(c, l) ==
          /\ s.owner[l] # Free /\ s.written[l]
          /\ s' = AcquireOf(s, c, l, s.owner[l], FALSE)
          /\ bad' = (bad \/ IsStale(s', c, l))

        Store(c, l) ==
          /\ s.owner[l] # Free /\ s.written[l]
          /\ LET got == AcquireOf(s, c, l, s.owner[l], TRUE)
             IN  s' = OverwriteOf(got, c, l, s.owner[l]) /\ bad' = (bad \/ IsStale(got, c, l))

        Zero(c, l) ==
          /\ s.owner[l] # Free /\ ~s.written[l]
          /\ s' = ZeroOf(s, c, l)
          /\ UNCHANGED bad

        Evict(c, l, k) ==
          /\ s.cache[c][l][k].kind # "I"
          /\ s' = EvictOf(s, c, l, k)
          /\ UNCHANGED bad

        Speculate(c, l, k) ==
          /\ k \in Fetched /\ s.cache[c][l][k].kind = "I"
          /\ s' = AcquireOf(s, c, l, k, FALSE)
          /\ UNCHANGED bad

        Allocate(l, k) ==
          /\ s.owner[l] = Free /\ s.life[k] = "live" /\ (s.pooled[l] => s.ext[l] = k)
          /\ s' = AllocateOf(s, l, k)
          /\ UNCHANGED bad

        FreePage(l) ==
          /\ s.owner[l] # Free
          /\ s' = FreeOf(s, l, FALSE)
          /\ UNCHANGED bad

        Pool(l) ==
          /\ Policy = "pools" /\ s.owner[l] \notin {Free, 0}
          /\ s' = FreeOf(s, l, TRUE)
          /\ UNCHANGED bad

        Shrink(l) ==
          /\ s.pooled[l]
          /\ s' = ShrinkOf(s, l)
          /\ UNCHANGED bad

        Migrate(c, l, m) ==
          /\ s.owner[l] # Free /\ s.written[l] /\ s.owner[m] = Free /\ ~s.pooled[m]
          /\ s' = MigrateOf(s, c, l, m)
          /\ bad' = (bad \/ IsStale(AcquireOf(s, c, l, s.owner[l], FALSE), c, l))

        \* What was stored under the slot's old key is noise under the new one.
        CreateKey(k) ==
          /\ k # 0 /\ s.life[k] = "free"
          /\ s' = [s EXCEPT !.life[k] = "live",
                            !.memory = [l \in Lines |-> IF s.memory[l] = k THEN None ELSE s.memory[l]]]
          /\ UNCHANGED bad

        DestroyKey(k) ==
          /\ k # 0 /\ s.life[k] = "live"
          /\ s' = IF UsersOf(s, k) = {} THEN RetireOf(s, k) ELSE [s EXCEPT !.life[k] = "destroyed"]
          /\ UNCHANGED bad

        Next ==
          \/ \E c \in Caches, l \in Lines : Load(c, l) \/ Store(c, l) \/ Zero(c, l)
          \/ \E c \in Caches, l, m \in Lines : Migrate(c, l, m)
          \/ \E c \in Caches, l \in Lines, k \in Keys : Evict(c, l, k) \/ Speculate(c, l, k)
          \/ \E l \in Lines, k \in Keys : Allocate(l, k)
          \/ \E l \in Lines : FreePage(l) \/ Pool(l) \/ Shrink(l)
          \/ \E k \in Keys : CreateKey(k) \/ DestroyKey(k)

        Spec == Init /\ [][Next]_<<s, bad>>

        \* ---- invariants ----------------------------------------------------------
        Mesi == \A l \in Lines, k \in Keys : \A c \in Caches :
                  s.cache[c][l][k].kind \in {"E", "M"} => Held(s, l, k) = {c}
        I1 == \A l \in Lines : Cardinality({k \in Keys : Dirty(s, l, k) # {}}) <= 1
        I2 == ~bad
        I3 == \A l \in Lines, k \in Keys : Dirty(s, l, k) # {} => s.ext[l] = k
        I4 == \A l \in Lines : s.owner[l] # Free => s.ext[l] = s.owner[l]
        I5 == \A k \in Keys : s.life[k] = "free" =>
                UsersOf(s, k) = {} /\ \A l \in Lines : Dirty(s, l, k) = {}
        =============================================================================

        """;
}
