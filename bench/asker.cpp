// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// asker page|watch|crowd SOCKET STORE [COUNT]: a client of lpm-sidecar that measures, and the plain reading
// of the same files beside it (bench/records).
//   page   the first page of ListRecords, COUNT times
//   watch  from a line in the journal until WatchRecords has told it with its record, COUNT times. The peer's
//   record takes
//          half an empty call more: gRPC's way from one process to another
//   crowd  200 clients for COUNT seconds, every fourth of them with a watch: errors and calls
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <sys/inotify.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "node.grpc.pb.h"
#include "json/json.hpp"

using namespace std::chrono_literals;
namespace api = lpm::node::v1;
using Clock = std::chrono::steady_clock;
using Stub = std::unique_ptr<api::Node::Stub>;

[[noreturn]] static void give_up(const std::string& why) {
    std::fprintf(stderr, "asker: %s\n", why.c_str());
    std::_Exit(1);
}

// A connection of its own.
static Stub client(const std::string& socket) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return api::Node::NewStub(
        grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments));
}

// --- The same files, read plainly

static void read_record(const std::string& path) {
    const auto text = lpm::read_file(AT_FDCWD, path, std::size_t{1} << 20);
    if (!text || !lpm::json::parse(*text))
        give_up(path + ": cannot be read");
}

static std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    const lpm::Fd dir(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir || !lpm::each_entry(dir.get(), [&](int, const dirent& entry) {
            if (entry.d_name[0] != '.')
                names.emplace_back(entry.d_name);
            return true;
        }))
        give_up(folder + ": cannot be read");
    std::ranges::sort(names);
    return names;
}

static void read_first_page(const std::string& store) {
    std::size_t left = 100;
    for (const auto& month : names_in(store + "/records"))
        for (const auto& name : names_in(store + "/records/" + month)) {
            if (left-- == 0)
                return;
            read_record(store + "/records/" + month + "/" + name);
        }
}

// The lines that come to the journal, and their records.
class Follower {
  public:
    explicit Follower(std::string journal)
        : journal_(::open(journal.c_str(), O_RDONLY | O_CLOEXEC)), watcher_(::inotify_init1(IN_CLOEXEC)) {
        ::lseek(journal_.get(), 0, SEEK_END);
        if (::inotify_add_watch(watcher_.get(), journal.c_str(), IN_MODIFY) < 0)
            give_up(journal + ": cannot be watched");
    }
    void next(const std::string& record) const {
        char events[4096];
        char line[4096];
        (void)!::read(watcher_.get(), events, sizeof events);
        const auto size = ::read(journal_.get(), line, sizeof line);
        if (size <= 0 || !lpm::json::parse({line, static_cast<std::size_t>(size)}))
            give_up("no line in the journal");
        read_record(record);
    }

  private:
    lpm::Fd journal_, watcher_;
};

// --- Figures

// The machines are noisy.
static double lower_quartile(std::vector<double>& values) {
    std::ranges::sort(values);
    return values.at(values.size() / 4);
}

static double milliseconds(const std::function<void()>& act) {
    const auto start = Clock::now();
    act();
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

static void tell(std::vector<double>& ours, std::vector<double>& plain) {
    std::printf("%.3f %.3f\n", lower_quartile(ours), lower_quartile(plain));
}

static void page(const std::string& socket, const std::string& store, int count) {
    const Stub stub = client(socket);
    std::vector<double> ours;
    std::vector<double> plain;
    for (int i = 0; i < count; ++i) {
        ours.push_back(milliseconds([&] {
            grpc::ClientContext context;
            api::ListRecordsResponse answer;
            const auto status = stub->ListRecords(&context, {}, &answer);
            if (!status.ok() || answer.records_size() != 100)
                give_up("ListRecords: " + status.error_message());
        }));
        plain.push_back(milliseconds([&] { read_first_page(store); }));
    }
    tell(ours, plain);
}

// The last line of the journal again, which names a record that is there.
struct Line {
    std::string journal, text, record;

    explicit Line(const std::string& store) : journal(store + "/journal/current") {
        const auto all = lpm::read_file(AT_FDCWD, journal, std::size_t{1} << 30);
        if (!all || all->empty())
            give_up(journal + ": cannot be read");
        const auto begin = all->find_last_of('\n', all->size() - 2);
        text = all->substr(begin == std::string::npos ? 0 : begin + 1);
        const auto line = lpm::json::parse(text);
        const auto months = names_in(store + "/records");
        if (!line || months.empty())
            give_up("no record");
        record = store + "/records/" + months.back() + "/" + lpm::json::text_or_empty(*line, "id") + ".json";
    }
    void append() const {
        const lpm::Fd fd(::open(journal.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
        if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
            give_up(journal + ": cannot be written");
    }
};

// Before each: the processor sleeps until it comes, as on a node.
static constexpr auto rest = 5ms;

// From the line that `wait`, which runs in a thread, is to see.
static double latency(const Line& line, const std::function<void()>& wait) {
    auto seen = std::async(std::launch::async, [&] {
        wait();
        return Clock::now();
    });
    std::this_thread::sleep_for(rest);
    const auto start = Clock::now();
    line.append();
    return std::chrono::duration<double, std::milli>(seen.get() - start).count();
}

static void watch(const std::string& socket, const std::string& store, int count) {
    const Stub stub = client(socket);
    const Line line(store);
    std::vector<double> ours;
    std::vector<double> plain;
    constexpr int block = 20; // of one of them: the other does not watch meanwhile
    for (int i = 0; i < count; i += block) {
        {
            grpc::ClientContext context;
            const auto stream = stub->WatchRecords(&context, {});
            stream->WaitForInitialMetadata();
            for (int k = 0; k < block; ++k)
                ours.push_back(latency(line, [&] {
                    api::WatchRecordsResponse answer;
                    if (!stream->Read(&answer) || !answer.has_record())
                        give_up("WatchRecords ended");
                }));
            context.TryCancel();
        }
        std::this_thread::sleep_for(50ms);
        const Follower follower(line.journal);
        for (int k = 0; k < block; ++k)
            plain.push_back(latency(line, [&] { follower.next(line.record); }));
    }
    std::vector<double> empty;
    for (int i = 0; i < count; ++i) {
        std::this_thread::sleep_for(rest);
        empty.push_back(milliseconds([&] {
            grpc::ClientContext context;
            api::Record answer;
            if (stub->GetRecord(&context, {}, &answer).error_code() != grpc::StatusCode::INVALID_ARGUMENT)
                give_up("GetRecord without an id is to be refused");
        }));
    }
    const double way = lower_quartile(empty) / 2;
    for (double& value : plain)
        value += way;
    tell(ours, plain);
}

// The calls of one client of the crowd.
static constexpr std::chrono::milliseconds between = 5s;

// One client of the crowd, until `end`; how many calls it made.
static long ask_until(Clock::time_point end, const Stub& stub, std::atomic<long>& errors) {
    long calls = 0;
    std::string token;
    while (Clock::now() < end) {
        grpc::ClientContext listing;
        api::ListRecordsRequest request;
        api::ListRecordsResponse page;
        request.set_page_size(20);
        request.set_page_token(token);
        const auto listed = stub->ListRecords(&listing, request, &page);
        token = page.next_page_token();
        grpc::ClientContext getting;
        api::GetRecordRequest of;
        api::Record record;
        of.set_id(page.records_size() > 0 ? page.records(0).id() : "");
        const auto got = stub->GetRecord(&getting, of, &record);
        for (const auto* status : {&listed, &got})
            if (!status->ok() && errors++ < 5)
                std::fprintf(stderr, "asker: %d %s\n", status->error_code(), status->error_message().c_str());
        calls += 2;
        std::this_thread::sleep_for(between);
    }
    return calls;
}

static void crowd(const std::string& socket, const std::string& store, int seconds) {
    constexpr int clients = 200;
    constexpr int watching = 4; // each fourth
    const auto end = Clock::now() + std::chrono::seconds(seconds);
    const Line line(store);
    std::atomic<long> errors = 0;
    std::atomic<long> calls = 0;
    std::atomic<long> told = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < clients; ++i)
        threads.emplace_back([&, i] {
            std::this_thread::sleep_for(between * i /
                                        clients); // all at once would be a peak of threads each time
            const Stub stub = client(socket);
            grpc::ClientContext context;
            std::jthread reader;
            if (i % watching == 0)
                reader = std::jthread([&] {
                    const auto stream = stub->WatchRecords(&context, {});
                    for (api::WatchRecordsResponse answer; stream->Read(&answer);)
                        ++told;
                    if (Clock::now() < end)
                        ++errors;
                });
            calls += ask_until(end, stub, errors);
            context.TryCancel();
        });
    while (Clock::now() < end) {
        std::this_thread::sleep_for(1s);
        line.append();
    }
    threads.clear();
    std::printf("%ld %ld %ld\n", errors.load(), calls.load(), told.load());
}

int main(int argc, char** argv) {
    const std::string what = argc == 5 ? argv[1] : "";
    const int count = argc == 5 ? std::atoi(argv[4]) : 0;
    if (what == "page")
        page(argv[2], argv[3], count);
    else if (what == "watch")
        watch(argv[2], argv[3], count);
    else if (what == "crowd")
        crowd(argv[2], argv[3], count);
    else
        give_up("asker page|watch|crowd SOCKET STORE COUNT");
}
