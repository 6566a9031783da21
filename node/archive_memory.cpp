// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "node/archive_memory.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "criu/images/pagemap.hpp"
#include "node/bytes.hpp"

namespace lpm::node {

namespace {

// Bytes of the unpacked tar that belong into a piece.
struct Wanted {
    std::uint64_t offset = 0; // in the tar
    std::size_t size = 0;
    std::size_t piece = 0; // its number
    std::size_t to = 0;    // where in it
};

// Where the pages of one piece are.
class Search {
  public:
    Search(const ArchiveImages& images, MemoryPiece& piece, std::size_t number)
        : images_(images), piece_(piece), number_(number) {}

    Result<> add_to(std::vector<Wanted>& wanted) {
        const std::string name = criu::pagemap_img(piece_.pid);
        TRY_ASSIGN(const std::string_view image, images_.view(name));
        TRY_ASSIGN(const criu::Pagemap map, criu::parse_pagemap(image));
        file_name_ = criu::pages_img(map.pages_id);
        file_ = images_.place(file_name_);
        page_ = criu::page_size(file_ ? file_->size : 0, map.nr_pages);
        const std::size_t before = wanted.size();
        Result<> good;
        TRY(criu::parse_pagemap(image, [&](const criu::PagemapEntry& run) {
            if (good)
                good = add_run(run, wanted);
        }));
        if (!good)
            wanted.resize(before);
        return good;
    }

  private:
    Result<> add_run(const criu::PagemapEntry& run, std::vector<Wanted>& wanted) {
        std::uint64_t bytes = 0;
        std::uint64_t run_end = 0;
        std::uint64_t in_file = 0;
        if (__builtin_mul_overflow(run.nr_pages, page_, &bytes) ||
            __builtin_add_overflow(run.vaddr, bytes, &run_end) ||
            __builtin_mul_overflow(run.first, page_, &in_file) || run.vaddr < last_end_)
            return fail(Errc::invalid, "the page map is damaged");
        last_end_ = run_end;
        const std::uint64_t begin = std::max(run.vaddr, piece_.begin);
        const std::uint64_t end = std::min(run_end, piece_.end);
        if (begin >= end)
            return {};
        if (!run.present)
            return fail(Errc::absent, "its pages are in the images of an earlier dump, or were left out");
        if (!file_)
            return fail(Errc::absent, file_name_ + " is missing");
        if (!file_->offset)
            return fail(Errc::unavailable, file_name_ + " lies in the tar as a sparse file");
        in_file += begin - run.vaddr;
        if (in_file > file_->size || end - begin > file_->size - in_file)
            return fail(Errc::invalid, file_name_ + " has fewer pages than its page map lists");
        wanted.push_back({.offset = *file_->offset + in_file,
                          .size = static_cast<std::size_t>(end - begin),
                          .piece = number_,
                          .to = static_cast<std::size_t>(begin - piece_.begin)});
        return {};
    }

    const ArchiveImages& images_;
    MemoryPiece& piece_;
    std::size_t number_;
    std::string file_name_;
    std::optional<ArchiveImages::Place> file_;
    std::uint64_t page_ = 0;
    std::uint64_t last_end_ = 0; // of the run before: they are in order, so few are of one piece
};

// The unpacked tar, whose bytes are asked for from its beginning on.
class Walk {
  public:
    Walk(int fd, const TarReader::Ask& ask) : bytes_(fd), ask_(ask) {}

    // Errc::invalid when it ends before, or is damaged.
    Result<> go_to(std::uint64_t offset) {
        while (at_ < offset) {
            TRY(ask_());
            if (const std::uint64_t skipped = bytes_.skip(offset - at_); skipped > 0) {
                at_ += skipped;
                continue;
            }
            const auto size = std::min<std::uint64_t>(offset - at_, block_.size());
            TRY(read(std::span(block_).first(static_cast<std::size_t>(size))));
        }
        return at_ == offset ? Result<>() : fail(Errc::invalid, "another process has the same pages");
    }
    Result<> read(std::span<std::byte> to) {
        while (!to.empty()) {
            TRY_ASSIGN(const std::size_t count, bytes_.read(to));
            if (count == 0)
                return fail(Errc::invalid, "the archive ends before its pages");
            at_ += count;
            to = to.subspan(count);
        }
        return {};
    }

  private:
    Unpacked bytes_;
    const TarReader::Ask& ask_;
    std::uint64_t at_ = 0;
    std::vector<std::byte> block_ = std::vector<std::byte>(32768);
};

} // namespace

// Pages that no map lists have never been written to: zeros.
static std::vector<Wanted> find(const ArchiveImages& images, std::span<MemoryPiece> pieces) {
    std::vector<Wanted> wanted;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        MemoryPiece& piece = pieces[i];
        if (auto found = Search(images, piece, i).add_to(wanted); !found)
            piece.fault = std::move(found).error().text;
        else
            piece.content.assign(static_cast<std::size_t>(piece.end - piece.begin), '\0');
    }
    std::ranges::sort(wanted, {}, &Wanted::offset);
    return wanted;
}

Result<> read_memory(int fd, const ArchiveImages& images, std::span<MemoryPiece> pieces,
                     const TarReader::Ask& ask) {
    const auto wanted = find(images, pieces);
    Walk walk(fd, ask);
    for (const auto& one : wanted) {
        MemoryPiece& piece = pieces[one.piece];
        if (!piece.fault.empty())
            continue;
        auto read = walk.go_to(one.offset);
        if (read)
            read = walk.read(std::as_writable_bytes(std::span(piece.content)).subspan(one.to, one.size));
        if (read)
            continue;
        if (read.error().code != Errc::invalid)
            return read;
        piece.content.clear();
        piece.fault = std::move(read).error().text;
    }
    return {};
}

} // namespace lpm::node
