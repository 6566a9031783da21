// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "record/stand_still.hpp"

#include <filesystem>

#include "../support.hpp"
#include "record/keeper.hpp"

using namespace lpm;
using namespace lpm::record;

static constexpr char pause_text[] = "44207883143639 145 4420787 pid:[4026532180]";
static constexpr char hash[] = "8b541e798859d3fa";

static std::string note_of(const std::string& record, const std::string& chain = "no") {
    return record + " " + pause_text + " " + chain + "\n";
}

TEST(StandStill, reads_a_pause) {
    const auto pause = parse_pause(std::string(pause_text) + "\n");
    ASSERT_TRUE(pause) << pause.error().text;
    EXPECT_EQ(pause->since, 44207883143639U);
    EXPECT_EQ(pause->pid, 145);
    EXPECT_EQ(pause->start, 4420787U);
    EXPECT_EQ(pause->pid_namespace, "pid:[4026532180]");
}

// The front leaves out what it cannot tell: nothing may be done by such a note.
TEST(StandStill, takes_no_pause_of_which_something_is_not_known) {
    for (const char* bad : {"", "\n", "1", "1 2", "1 2  pid:[4]", "1 2 3", "1 2 3 ", "1 0 3 pid:[4]",
                            "1 -2 3 pid:[4]", "x 2 3 pid:[4]", "1 2 3 net:[4]"})
        EXPECT_FALSE(parse_pause(bad)) << bad;
}

TEST(StandStill, reads_a_checkpoint_and_its_end) {
    const std::string id = new_id();
    auto note = parse_stand_still(note_of(id));
    ASSERT_TRUE(note) << note.error().text;
    EXPECT_EQ(note->record, id);
    EXPECT_EQ(note->chain, Chain::absent);
    EXPECT_FALSE(note->end);
    EXPECT_EQ(parse_stand_still(note_of(id, "yes"))->chain, Chain::present);
    EXPECT_EQ(parse_stand_still(note_of(id, "maybe"))->chain, Chain::unknown);
    note = parse_stand_still(note_of(id) + "resumed 44207883143640\n");
    ASSERT_TRUE(note) << note.error().text;
    EXPECT_EQ(note->end, End::resumed);
    EXPECT_EQ(note->until, 44207883143640U);
    for (const std::string& bad : {note_of("../../../../etc/passwd/record"), note_of(id) + "vanished 1\n",
                                   note_of(id) + "resumed\n", note_of(id) + "resumed x\n"})
        EXPECT_FALSE(parse_stand_still(bad)) << bad;
}

// A store with a final record, and notes beside it.
struct Node {
    TempDir dir;
    std::string run = dir.path("run");
    std::string state = dir.path("state");
    record::Record record;

    Node() {
        record.id = new_id();
        record.operation = Operation::checkpoint;
        record.outcome = Outcome::completed;
        record.final = true;
        EXPECT_TRUE(Store::open(state)->publish(record));
    }
    void end(const std::string& text) { dir.write("run/ended/" + record.id, text); }
    [[nodiscard]] std::vector<std::string> join() {
        auto keeper = Keeper::open(state);
        return keeper.value().join_stand_stills(run);
    }
    [[nodiscard]] Record kept() const { return Store::open(state)->load(record.id).value(); }
};

TEST(StandStill, goes_into_the_record) {
    Node node;
    node.end(note_of(node.record.id) + "resumed 44208883143639\n");
    EXPECT_EQ(list_ended(node.run), std::vector{node.record.id});
    EXPECT_TRUE(node.join().empty());
    EXPECT_EQ(node.kept().stood_still_us, 1'000'000U);
    EXPECT_TRUE(list_ended(node.run).empty());
}

TEST(StandStill, waits_for_the_record_to_be_final) {
    Node node;
    node.record.final = false;
    ASSERT_TRUE(Store::open(node.state)->publish(node.record));
    node.end(note_of(node.record.id) + "resumed 44208883143639\n");
    EXPECT_TRUE(node.join().empty());
    EXPECT_FALSE(node.kept().stood_still_us);
    EXPECT_EQ(list_ended(node.run), std::vector{node.record.id});
}

TEST(StandStill, does_not_keep_what_is_no_note_or_goes_backwards) {
    Node node;
    for (const std::string& bad :
         {std::string("x"), note_of(node.record.id), note_of(node.record.id) + "resumed 1\n",
          note_of(new_id()) + "resumed 44208883143639\n"}) {
        node.end(bad);
        (void)node.join();
        EXPECT_FALSE(node.kept().stood_still_us) << bad;
        EXPECT_TRUE(list_ended(node.run).empty()) << bad;
    }
}

TEST(StandStill, notes_of_a_container) {
    const Node node;
    EXPECT_EQ(ContainerNotes::open(node.run, {hash, "c"}).error().code, Errc::absent);
    EXPECT_FALSE(ContainerNotes::open(node.run, {hash, "../c"}));
    node.dir.write(std::string("run/") + hash + "/c/paused", std::string(pause_text) + "\n");
    const auto notes = ContainerNotes::open(node.run, {hash, "c"});
    ASSERT_TRUE(notes) << notes.error().text;
    ASSERT_TRUE(notes->pause().value());
    EXPECT_FALSE(notes->checkpoint().value());
    StandStill note;
    note.record = node.record.id;
    note.pause = *notes->pause().value();
    ASSERT_TRUE(notes->write_checkpoint(note));
    EXPECT_EQ(list_checkpoints(node.run).size(), 1U);
    EXPECT_EQ(notes->orphaned_since(), 0U);
    ASSERT_TRUE(notes->write_orphaned(5));
    EXPECT_EQ(notes->orphaned_since(), 5U);
    ASSERT_TRUE(notes->end(note, End::thawed));
    EXPECT_FALSE(notes->pause().value());
    EXPECT_TRUE(list_checkpoints(node.run).empty());
    EXPECT_EQ(read_ended(node.run, note.record)->end, End::thawed);
    // A fifo or a link planted there is not read.
    std::filesystem::create_symlink("/etc/passwd", node.run + "/" + hash + "/c/paused");
    EXPECT_FALSE(notes->pause());
}
