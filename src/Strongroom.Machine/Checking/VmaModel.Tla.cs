using System.Globalization;

namespace Strongroom.Machine.Checking;

/// <content>The same model in TLA+: one action for each <see cref="VmaStep"/>. References are counted there, not kept.</content>
internal sealed partial class VmaModel
{
    /// <inheritdoc/>
    internal override string TlaInvariants => "I5 I6 I8 Vmas Writable";

    /// <inheritdoc/>
    internal override string TlaModule => ModuleText
        .Replace("@PAGES@", _pages.ToString(CultureInfo.InvariantCulture))
        .Replace("@PROCESSES@", _processes.ToString(CultureInfo.InvariantCulture))
        .Replace("@KEYIDS@", _keyIds.ToString(CultureInfo.InvariantCulture));

    private const string ModuleText = """
        ---------------------------- MODULE @NAME@ ----------------------------
        (* VMAs with KeyIDs, the entries of their pages, and frames that they share.  *)
        (* Operators that end in "Of" take a state and give the next one.            *)
        EXTENDS Integers

        Pages     == 1..@PAGES@
        Processes == 1..@PROCESSES@
        KeyIds    == @KEYIDS@
        Keys      == 0..(KeyIds - 1)
        Frames    == 1..3
        None      == -1

        VARIABLE
          s   \* key:    [Processes -> [Pages -> {None} \cup Keys]]: KeyID of the VMA, None where nothing is mapped
              \* write:  [Processes -> [Pages -> BOOLEAN]]: what the VMA allows
              \* joined: [Processes -> [Pages -> BOOLEAN]]: in one VMA with the page below
              \* entry:  [Processes -> [Pages -> [kind: {"none", "zero", "frame"}, frame, key, write]]]
              \* ext:    [Frames -> {None} \cup Keys]: page_ext, None for a free frame
              \* merged: SUBSET Frames: by KSM
              \* life:   [Keys -> {"free", "live", "destroyed"}]

        Nothing == [kind |-> "none", frame |-> 0, key |-> 0, write |-> FALSE]

        Init ==
          s = [key    |-> [p \in Processes |-> [i \in Pages |-> None]],
               write  |-> [p \in Processes |-> [i \in Pages |-> FALSE]],
               joined |-> [p \in Processes |-> [i \in Pages |-> FALSE]],
               entry  |-> [p \in Processes |-> [i \in Pages |-> Nothing]],
               ext    |-> [f \in Frames |-> None],
               merged |-> {},
               life   |-> [k \in Keys |-> IF k = 0 THEN "live" ELSE "free"]]

        Places == Processes \X Pages
        Entry(x, e) == x.entry[e[1]][e[2]]
        UsersOf(x, f) == {e \in Places : Entry(x, e).kind = "frame" /\ Entry(x, e).frame = f}
        IsUsed(x, k) == (\E p \in Processes, i \in Pages : x.key[p][i] = k) \/ \E f \in Frames : x.ext[f] = k

        \* Nobody else maps what e maps, and KSM did not merge it: it may be written in place.
        IsOwn(x, e) == LET f == Entry(x, e).frame IN
          Entry(x, e).kind = "frame" /\ UsersOf(x, f) = {e} /\ f \notin x.merged

        \* Frames that no entry names are free, and so are slots of destroyed keys that nothing uses.
        SettledOf(x) ==
          LET y == [x EXCEPT !.ext = [f \in Frames |-> IF UsersOf(x, f) = {} THEN None ELSE x.ext[f]],
                             !.merged = {f \in @ : UsersOf(x, f) # {}}]
          IN  [y EXCEPT !.life = [k \in Keys |-> IF y.life[k] = "destroyed" /\ ~IsUsed(y, k) THEN "free" ELSE y.life[k]]]

        \* Pages i-1 and i can be in one VMA.
        Agree(x, p, i) ==
          /\ {i - 1, i} \subseteq Pages
          /\ x.key[p][i] # None /\ x.key[p][i - 1] = x.key[p][i] /\ x.write[p][i - 1] = x.write[p][i]

        \* Page i was cut out of its VMA and merges with neighbours that agree; borders elsewhere stay.
        SplicedOf(x, p, i) ==
          [x EXCEPT !.joined[p] = [j \in Pages |-> IF j \in {i, i + 1} THEN Agree(x, p, j) ELSE x.joined[p][j]]]

        SetOf(x, p, i, k, w) == SplicedOf([x EXCEPT !.key[p][i] = k, !.write[p][i] = w], p, i)

        \* ---- steps -----------------------------------------------------------------
        Map(p, i, w) ==
          /\ s.key[p][i] = None
          /\ s' = SetOf(s, p, i, 0, w)

        Unmap(p, i) ==
          /\ s.key[p][i] # None
          /\ s' = SettledOf([SetOf(s, p, i, None, FALSE) EXCEPT !.entry[p][i] = Nothing])

        Protect(p, i, w) ==
          /\ s.key[p][i] # None /\ s.write[p][i] # w
          /\ s' = [SetOf(s, p, i, s.key[p][i], w) EXCEPT !.entry[p][i].write = w /\ IsOwn(s, <<p, i>>)]

        \* What has both already is left alone; otherwise the contents go first.
        Encrypt(p, i, k, w) ==
          /\ k # 0 /\ s.life[k] = "live" /\ s.key[p][i] # None
          /\ s.key[p][i] # k \/ s.write[p][i] # w
          /\ s' = SettledOf([SetOf(s, p, i, k, w) EXCEPT !.entry[p][i] = Nothing])

        Move(p, i, j) ==
          /\ s.key[p][i] # None /\ s.key[p][j] = None
          /\ LET y == [SetOf(s, p, j, s.key[p][i], s.write[p][i]) EXCEPT !.entry[p][j] = s.entry[p][i], !.entry[p][i] = Nothing]
             IN  s' = SetOf(y, p, i, None, FALSE)

        Read(p, i) ==
          /\ s.key[p][i] # None /\ s.entry[p][i].kind = "none"
          /\ s' = [s EXCEPT !.entry[p][i].kind = "zero"]

        \* The last sharer writes in place; others get a page of their own.
        Write(p, i) ==
          /\ s.write[p][i] /\ ~s.entry[p][i].write
          /\ LET free == {f \in Frames : s.ext[f] = None}
                 first == CHOOSE f \in free : \A g \in free : f <= g
             IN  IF IsOwn(s, <<p, i>>)
                 THEN s' = [s EXCEPT !.entry[p][i].write = TRUE]
                 ELSE /\ free # {}
                      /\ s' = SettledOf([s EXCEPT !.ext[first] = s.key[p][i],
                             !.entry[p][i] = [kind |-> "frame", frame |-> first, key |-> s.key[p][i], write |-> TRUE]])

        Fork(p, q) ==
          /\ p # q /\ \A i \in Pages : s.key[q][i] = None
          /\ LET shared == [i \in Pages |-> [s.entry[p][i] EXCEPT !.write = FALSE]]
             IN  s' = [s EXCEPT !.key[q] = s.key[p], !.write[q] = s.write[p], !.joined[q] = s.joined[p],
                                !.entry[p] = shared, !.entry[q] = shared]

        Merge(f, g) ==
          /\ f < g /\ s.ext[f] # None /\ s.ext[f] = s.ext[g]
          /\ s' = SettledOf([s EXCEPT !.merged = @ \cup {f}, !.entry = [p \in Processes |-> [i \in Pages |->
                      IF <<p, i>> \in UsersOf(s, f) \cup UsersOf(s, g)
                      THEN [s.entry[p][i] EXCEPT !.frame = f, !.write = FALSE] ELSE s.entry[p][i]]]])

        CreateKey(k) ==
          /\ s.life[k] = "free"
          /\ s' = [s EXCEPT !.life[k] = "live"]

        DestroyKey(k) ==
          /\ k # 0 /\ s.life[k] = "live"
          /\ s' = SettledOf([s EXCEPT !.life[k] = "destroyed"])

        Next ==
          \/ \E p \in Processes, i \in Pages, w \in BOOLEAN : Map(p, i, w) \/ Protect(p, i, w)
          \/ \E p \in Processes, i \in Pages : Unmap(p, i) \/ Read(p, i) \/ Write(p, i)
          \/ \E p \in Processes, i \in Pages, k \in Keys, w \in BOOLEAN : Encrypt(p, i, k, w)
          \/ \E p \in Processes, i, j \in Pages : Move(p, i, j)
          \/ \E p, q \in Processes : Fork(p, q)
          \/ \E f, g \in Frames : Merge(f, g)
          \/ \E k \in Keys : CreateKey(k) \/ DestroyKey(k)

        Spec == Init /\ [][Next]_s

        \* ---- invariants ----------------------------------------------------------
        I5 == \A k \in Keys : s.life[k] = "free" => ~IsUsed(s, k)
        I6 == \A e \in Places : LET a == Entry(s, e) IN
                /\ a.kind = "zero" => a.key = 0
                /\ a.kind = "frame" => a.key = s.key[e[1]][e[2]] /\ a.key = s.ext[a.frame]
        I8 == \A f \in Frames : s.ext[f] # None <=> UsersOf(s, f) # {}
        Vmas == \A p \in Processes, i \in Pages : s.joined[p][i] <=> Agree(s, p, i)
        Writable == \A e \in Places : Entry(s, e).write =>
                      s.write[e[1]][e[2]] /\ IsOwn(s, e)
        =============================================================================

        """;
}
