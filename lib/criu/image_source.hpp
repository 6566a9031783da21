// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace lpm::criu {

// Of an image that is read whole, in bytes. Far above what CRIU writes: a page map of that size describes
// over a million runs of pages.
inline constexpr std::size_t max_image = std::size_t{64} << 20;

// What lies under a name; of a symbolic link, the link itself.
struct ImageFile {
    mode_t mode = 0; // type and permissions
    uid_t uid = 0;
    gid_t gid = 0;
    std::string link; // where a symbolic link leads: its first 256 bytes
};

// Where the images of one checkpoint lie beside each other, each under its name.
class ImageSource {
  public:
    virtual ~ImageSource() = default;

    // The whole image. Errc::absent when it is missing, Errc::unavailable when it is longer than max_image.
    [[nodiscard]] virtual Result<std::string> read(const std::string& name) const = 0;
    // Its first `limit` bytes, or fewer.
    [[nodiscard]] virtual Result<std::string> read_head(const std::string& name, std::size_t limit) const = 0;
    // In bytes, of what a link leads to; nothing when there is no such image.
    [[nodiscard]] virtual std::optional<std::uint64_t> size(const std::string& name) const = 0;
    [[nodiscard]] bool has(const std::string& name) const { return size(name).has_value(); }

    // Nothing when there is nothing of that name. The name `.` stands for the source itself.
    [[nodiscard]] virtual std::optional<ImageFile> find(const std::string& name) const = 0;
    // Calls visit with each name until it returns false. False when the names cannot be read.
    [[nodiscard]] virtual bool each_name(const std::function<bool(const std::string& name)>& visit) const = 0;

  protected:
    ImageSource() = default;
    ImageSource(ImageSource&&) = default;
    ImageSource& operator=(ImageSource&&) = default;
};

class ImageDirectory final : public ImageSource {
  public:
    explicit ImageDirectory(Fd&& dir) : dir_(std::move(dir)) {}
    [[nodiscard]] static Result<ImageDirectory> open(const std::string& path);

    [[nodiscard]] Result<std::string> read(const std::string& name) const override;
    [[nodiscard]] Result<std::string> read_head(const std::string& name, std::size_t limit) const override;
    [[nodiscard]] std::optional<std::uint64_t> size(const std::string& name) const override;
    [[nodiscard]] std::optional<ImageFile> find(const std::string& name) const override;
    [[nodiscard]] bool each_name(const std::function<bool(const std::string& name)>& visit) const override;

  private:
    Fd dir_;
};

} // namespace lpm::criu
