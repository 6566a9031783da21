// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "pki_folder.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/draft.hpp"
#include "base/file.hpp"
#include "kube/tls_request.hpp"

namespace lpm::sidecar {

static constexpr const char* certificate_file = "sidecar.crt";
static constexpr const char* key_file = "sidecar.key";
static constexpr const char* clients_file = "clients-ca.crt";
static constexpr const char* pending_file = "pending.key";
static constexpr mode_t for_group = 0640;
static constexpr std::size_t longest = std::size_t{1} << 20; // bytes

// setgid: what is made in it gets its group at once, and is never without it.
static Result<> make(const std::string& path, gid_t group) {
    if (::mkdir(path.c_str(), 0700) != 0)
        return errno == EEXIST ? Result<>() : fail_errno(errno, "make " + path);
    if (::lchown(path.c_str(), static_cast<uid_t>(-1), group) != 0 ||
        ::chmod(path.c_str(), S_ISGID | 0750) != 0)
        return fail_errno(errno, "give " + path + " its group");
    return {};
}

Result<PkiFolder> PkiFolder::open(const std::string& path, gid_t group) {
    TRY(make(path, group));
    TRY_ASSIGN(Fd dir, open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    struct stat st{};
    if (::fstat(dir.get(), &st) != 0)
        return fail_errno(errno, path);
    if (st.st_uid != ::geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return fail(Errc::denied,
                    path + ": others than root may write into it; chown root and chmod 2750 it");
    if (::flock(dir.get(), LOCK_EX | LOCK_NB) != 0)
        return fail(Errc::busy, path + ": another lpm-sidecar --enroll is at work");
    return PkiFolder(std::move(dir));
}

std::optional<std::chrono::sys_seconds> PkiFolder::renewal() const {
    const auto certificate = read_file(dir_.get(), certificate_file, longest);
    const auto key = read_file(dir_.get(), key_file, longest);
    const auto clients = read_file(dir_.get(), clients_file, longest);
    if (!certificate || !key || !clients || !kube::first_authority(*clients) ||
        !kube::judge_pair(*certificate, *key))
        return std::nullopt;
    const auto validity = kube::validity_of(*certificate);
    if (!validity)
        return std::nullopt;
    return validity->from + (validity->until - validity->from) * 2 / 3;
}

Result<std::string> PkiFolder::pending_key() {
    if (auto known = read_file(dir_.get(), pending_file, longest); known && kube::key_id(*known))
        return known;
    TRY_ASSIGN(std::string key, kube::make_key());
    TRY(replace_file(dir_.get(), pending_file, key, 0600));
    return key;
}

// The key before its certificate: between the two the pending key is what tells that it is not done.
Result<> PkiFolder::store(const kube::Issued& issued, const std::string& key) {
    TRY(replace_file(dir_.get(), clients_file, issued.others, for_group));
    TRY(replace_file(dir_.get(), key_file, key, for_group));
    TRY(replace_file(dir_.get(), certificate_file, issued.chain, for_group));
    if (::unlinkat(dir_.get(), pending_file, 0) != 0 && errno != ENOENT)
        return fail_errno(errno, std::string("remove ") + pending_file);
    return sync_dir(dir_.get());
}

} // namespace lpm::sidecar
