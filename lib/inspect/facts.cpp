// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#include "inspect/facts.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <utility>

#include "base/dir.hpp"
#include "base/file.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "inspect/container_walk.hpp"
#include "inspect/effective_options.hpp"
#include "linux/mountinfo.hpp"
#include "linux/procfd.hpp"
#include "linux/procfs.hpp"
#include "json/json.hpp"

namespace lpm::inspect {

static std::optional<std::vector<StdioFile>> gather_stdio(pid_t init,
                                                          const std::vector<procfs::Mount>& mounts) {
    if (mounts.empty())
        return std::nullopt;
    std::vector<StdioFile> files;
    for (int fd = 0; fd <= 2; ++fd) {
        const std::string path = "/proc/" + std::to_string(init) + "/fd/" + std::to_string(fd);
        struct stat st{};
        auto link = procfs::read_fd_link(init, fd);
        // Only of regular files does CRIU always look up the mount: not of pipes and sockets, not of a
        // terminal under --shell-job, and a memfd has none.
        if (!link || ::stat(path.c_str(), &st) != 0 || !S_ISREG(st.st_mode) || link->starts_with("/memfd:"))
            continue;
        const auto info = procfs::read_fdinfo(init, fd);
        if (!info || !info->mount)
            return std::nullopt;
        const bool in_mounts = std::ranges::find(mounts, *info->mount, &procfs::Mount::id) != mounts.end();
        files.push_back({fd, *std::move(link), in_mounts});
    }
    return files;
}

std::optional<KernelVersion> parse_kernel_version(std::string_view release) {
    const auto dot = release.find('.');
    if (dot == std::string_view::npos)
        return std::nullopt;
    const auto rest = release.substr(dot + 1);
    const auto major = to_number<unsigned>(release.substr(0, dot));
    const auto minor = to_number<unsigned>(rest.substr(0, rest.find_first_not_of("0123456789")));
    if (!major || !minor)
        return std::nullopt;
    return KernelVersion{*major, *minor};
}

std::optional<bool> guards_matter(const Facts& facts) {
    constexpr KernelVersion guards{6, 13};
    constexpr KernelVersion tells{6,
                                  16}; // which pages they are: PAGE_IS_GUARD, which CRIU asks for since 4.2
    constexpr std::uint32_t asks = 40200;
    if (facts.kernel && *facts.kernel < guards)
        return false;
    if (!facts.kernel || !facts.criu || facts.criu->version == 0)
        return std::nullopt;
    return facts.criu->version < asks || *facts.kernel < tells;
}

// CRIU's default, and its notation: bytes, or with K, M or G behind (criu/config.c parse_size).
static std::uint64_t ghost_limit(const criu::EffectiveOptions& options) {
    constexpr std::uint64_t standard = std::uint64_t{1} << 20;
    const auto set = options.find("ghost-limit");
    if (!set || set->value.empty())
        return standard;
    std::string_view digits = set->value;
    unsigned shift = 0;
    for (const auto& [letter, by] : {std::pair{'K', 10U}, std::pair{'M', 20U}, std::pair{'G', 30U}})
        if (digits.back() == letter)
            shift = by;
    if (shift != 0)
        digits.remove_suffix(1);
    const auto number = to_number<std::uint64_t>(digits);
    return number && *number <= UINT64_MAX >> shift ? *number << shift : standard;
}

static void gather_host(Facts& facts) {
    utsname system{};
    ::uname(&system);
    facts.kernel = parse_kernel_version(system.release);
    if (const auto status = procfs::read_status(::getpid()))
        facts.capabilities = status->cap_eff;
    facts.selinux_enforcing = read_file(AT_FDCWD, "/sys/fs/selinux/enforce", 16).value_or("0") == "1";
    if (const auto available = procfs::read_available_memory())
        facts.available_memory = *available;
}

static void gather_workload(Facts& facts) {
    // What a container that is created holds is the runtime's, which waits in it.
    if (!facts.alive || facts.state->waits_for_start)
        return;
    facts.ghost_limit = ghost_limit(facts.options);
    const auto pids = oci::read_pids(*facts.state, max_processes);
    if (!pids)
        return;
    facts.workload = scan(facts, *pids);
    facts.memory = facts.workload->memory;
}

static std::optional<Space> gather_space(std::string path) {
    if (!path.starts_with('/'))
        return std::nullopt;
    // Images of an earlier try in the same directory: CRIU truncates them, so their space comes back.
    const std::uint64_t reusable = read_dir_usage(path).value_or(DirUsage{}).disk;
    struct statvfs fs{};
    struct stat st{};
    while (::statvfs(path.c_str(), &fs) != 0 || ::stat(path.c_str(), &st) != 0) {
        if (path == "/")
            return std::nullopt;
        path.resize(std::max<std::size_t>(path.rfind('/'), 1));
    }
    Space space;
    space.path = std::move(path);
    // CRIU writes as root, which may use the reserved blocks as well.
    space.free_bytes = static_cast<std::uint64_t>(fs.f_bfree) * fs.f_frsize + reusable;
    if (fs.f_files > 0)
        space.free_inodes = fs.f_ffree;
    space.device = st.st_dev;
    return space;
}

static bool on_local_disk(const std::string& path) {
    const auto mounts = procfs::read_mountinfo(0);
    const auto* mount = mounts ? procfs::mount_of(*mounts, path) : nullptr;
    if (mount == nullptr)
        return false;
    static constexpr std::string_view local[] = {"ext4",    "ext3",  "ext2", "xfs",  "btrfs",
                                                 "overlay", "tmpfs", "zfs",  "f2fs", "bcachefs"};
    return std::ranges::find(local, mount->type) != std::end(local);
}

static Result<> read_descriptors(const criu::ImageSource& source) {
    constexpr std::size_t most = 65536;
    TRY_ASSIGN(const std::string text, source.read("descriptors.json"));
    if (text.size() > most)
        return fail(Errc::unavailable, "descriptors.json is longer than " + std::to_string(most) + " bytes");
    const auto value = json::parse(text, {.bytes = most});
    if (!value || !value->is_array())
        return fail(Errc::invalid, "descriptors.json is not a list of the standard streams");
    return {};
}

static criu::Dumped read_dumped(const criu::ImageSource& source, const Target& target) {
    constexpr std::uint64_t headers = 8; // the two magic words of an image without records
    criu::Dumped dumped;
    dumped.file_locks = source.size("filelocks.img").value_or(0) > headers;
    if (target.manifest) {
        dumped.tcp_close = target.manifest->tcp == config::Tcp::close;
        dumped.tcp_established = target.manifest->tcp == config::Tcp::established;
    }
    if (target.inventory) {
        dumped.tcp_close = dumped.tcp_close || target.inventory->tcp_close;
        dumped.allow_uprobes = target.inventory->allow_uprobes;
    }
    // Without lpm.json the connections themselves tell.
    dumped.tcp_established = dumped.tcp_established || target.connections_whole;
    return dumped;
}

static void gather_images(Facts& facts) {
    const auto source = criu::ImageDirectory::open(facts.subject.image_path);
    if (!source) {
        if (source.error().code == Errc::absent)
            facts.images = fail(Errc::absent, "there is no such directory");
        return;
    }
    facts.descriptors = read_descriptors(*source);
    const criu::Images images = criu::read_images(*source);
    facts.target = look_at_target(facts, *source, images);
    facts.dumped = read_dumped(*source, *facts.target);
    if (images.inventory)
        facts.image_lock = images.inventory->network_lock_method;
    const auto pages = criu::verify_images(*source, images, *facts.deadline);
    if (pages)
        facts.target->memory = *pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    facts.images = pages ? Result<>() : std::unexpected(pages.error());
}

static void gather_container(Facts& facts) {
    if (auto state = oci::read_state(facts.subject.root, facts.subject.id))
        facts.state = *std::move(state);
    if (!facts.state)
        return;
    facts.alive = oci::alive(*facts.state);
    facts.frozen = oci::frozen(*facts.state);
    facts.freezing = oci::freezing(*facts.state);
    if (!facts.alive)
        return;
    if (auto mounts = procfs::read_mountinfo(facts.state->init))
        facts.mounts = *std::move(mounts);
    facts.stdio = gather_stdio(facts.state->init, facts.mounts);
}

// PATH, or --criu where it counts: runc 1.1 and older take it, 1.2 and 1.3 ignore it, 1.4 does not know it.
static void find_criu(Facts& facts) {
    const char* flag = facts.invocation->text(oci::Option::criu);
    const bool known = facts.runtime && !facts.runtime->version.empty();
    const bool heeded =
        known && (facts.runtime->version.starts_with("1.1.") || facts.runtime->version.starts_with("1.0."));
    facts.criu_by_flag = flag != nullptr && !known;
    const std::string name = flag != nullptr && heeded ? flag : "criu";
    if (facts.criu_by_flag)
        return;
    facts.criu_path =
        name.find('/') != std::string::npos ? name : find_in_path(name, facts.subject.search_path);
    if (::access(facts.criu_path.c_str(), X_OK) != 0)
        facts.criu_path.clear();
}

static void gather_tools(Facts& facts, const Environment& environment, const criu::Tooling& tooling,
                         const std::string& runtime_key) {
    facts.runtime_config =
        facts.subject.kind == oci::RuntimeKind::crun ? "/etc/criu/crun.conf" : "/etc/criu/runc.conf";
    if (facts.bundle && facts.bundle->criu_config)
        facts.runtime_config = *facts.bundle->criu_config;
    if (const auto* known = tooling.runtime(runtime_key))
        facts.runtime = *known;
    const auto sends = [&](std::string_view flag) {
        return !facts.runtime || oci::RuntimeFacts::lists(facts.runtime->checkpoint_flags, flag);
    };
    facts.options =
        criu::EffectiveOptions::read({environment.home, environment.criu_config_file, facts.runtime_config,
                                      sends("link-remap"), sends("tcp-skip-in-flight")},
                                     *facts.invocation);
    find_criu(facts);
    if (const auto* known = tooling.criu(file_key(facts.criu_path)))
        facts.criu = *known;
    decide_additions(facts);
    facts.has_iptables = !find_in_path("iptables-restore", facts.subject.search_path).empty();
    facts.has_ip6tables = !find_in_path("ip6tables-restore", facts.subject.search_path).empty();
    facts.has_ipv6 = ::access("/proc/sys/net/ipv6", F_OK) == 0;
    for (const char* tool : {"gzip", "tar"})
        if (find_in_path(tool, facts.subject.search_path).empty())
            facts.missing_tar = tool;
}

// The kernel tells where a mount is without links; config.json may name a place that leads over one, as
// /var/run/secrets does in most images. Both names count.
static void add_places_behind_links(Facts& facts) {
    if (!facts.bundle || facts.mounts.empty())
        return;
    const auto root = open_at(AT_FDCWD, "/proc/" + std::to_string(facts.state->init) + "/root", O_PATH);
    std::vector<std::string> places;
    for (const auto& place : facts.bundle->binds) {
        struct statx info{};
        if (!root || std::ranges::find(facts.mounts, place, &procfs::Mount::point) != facts.mounts.end())
            continue;
        const auto there = open_in_root(root->get(), place, Links::followed);
        if (!there || ::statx(there->get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &info) != 0)
            continue;
        const auto mount =
            std::ranges::find(facts.mounts, static_cast<int>(info.stx_mnt_id), &procfs::Mount::id);
        if (mount != facts.mounts.end() && mount->point != "/")
            places.push_back(mount->point);
    }
    facts.bundle->binds.insert(facts.bundle->binds.end(), places.begin(), places.end());
}

Facts gather(const oci::Invocation& invocation, Subject subject, const std::string& bundle_dir,
             const Environment& environment, const criu::Tooling& tooling, const std::string& runtime_key,
             const Deadline& deadline) {
    Facts facts;
    facts.invocation = &invocation;
    facts.subject = std::move(subject);
    facts.deadline = &deadline;
    if (facts.subject.stage == Stage::checkpoint)
        gather_container(facts);
    const std::string dir = !bundle_dir.empty() ? bundle_dir
                            : facts.state       ? facts.state->bundle
                                                : std::string();
    facts.bundle_dir = dir;
    if (!dir.empty())
        if (auto bundle = oci::read_bundle(dir))
            facts.bundle = *std::move(bundle);
    add_places_behind_links(facts);
    if (facts.subject.stage == Stage::restore)
        gather_images(facts); // what they were dumped with decides what is added
    gather_tools(facts, environment, tooling, runtime_key);
    gather_host(facts);
    if (facts.subject.stage == Stage::checkpoint) {
        gather_workload(facts);
        facts.lost = find_lost_files(facts);
        facts.image_space = gather_space(facts.subject.image_path);
        // The runtime itself never touches this directory: a file system that may hang must not hang us.
        if (on_local_disk(facts.subject.kubelet_dir) &&
            ::access(facts.subject.kubelet_dir.c_str(), F_OK) == 0)
            facts.kubelet_space = gather_space(facts.subject.kubelet_dir);
    }
    return facts;
}

} // namespace lpm::inspect
