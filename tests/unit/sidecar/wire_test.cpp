// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// What was promised in node.proto stays: tests/data/node-v1.binpb is a descriptor set of it. With
// LPM_WRITE_DOCS set, this adds what is new; what is missing or different it never takes away.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include "node.pb.h"

using google::protobuf::DescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;

static const std::string path = std::string(LPM_SOURCE_ROOT) + "/tests/data/node-v1.binpb";

template <class List> static auto find(const List& list, const std::string& name) {
    return std::ranges::find_if(list, [&](const auto& one) { return one.name() == name; });
}

template <class List> static void expect_message(const DescriptorProto& promised, const List& now) {
    const auto message = find(now, promised.name());
    ASSERT_NE(message, now.end()) << promised.name() << " is gone";
    for (const auto& inner : promised.nested_type()) // of maps
        expect_message(inner, message->nested_type());
    for (const auto& field : promised.field()) {
        const auto have = find(message->field(), field.name());
        const std::string name = promised.name() + "." + field.name();
        ASSERT_NE(have, message->field().end()) << name << " is gone";
        EXPECT_EQ(have->number(), field.number()) << name;
        EXPECT_EQ(have->type(), field.type()) << name;
        EXPECT_EQ(have->label(), field.label()) << name;
        EXPECT_EQ(have->type_name(), field.type_name()) << name;
        EXPECT_EQ(have->proto3_optional(), field.proto3_optional()) << name;
    }
}

static void expect_methods(const google::protobuf::ServiceDescriptorProto& promised,
                           const FileDescriptorProto& now) {
    const auto service = find(now.service(), promised.name());
    ASSERT_NE(service, now.service().end()) << promised.name() << " is gone";
    for (const auto& method : promised.method()) {
        const auto found = find(service->method(), method.name());
        ASSERT_NE(found, service->method().end()) << method.name() << " is gone";
        EXPECT_EQ(found->input_type(), method.input_type()) << method.name();
        EXPECT_EQ(found->output_type(), method.output_type()) << method.name();
        EXPECT_EQ(found->server_streaming(), method.server_streaming()) << method.name();
        EXPECT_EQ(found->client_streaming(), method.client_streaming()) << method.name();
    }
}

TEST(NodeProto, keeps_what_it_has_promised) {
    FileDescriptorProto now;
    lpm::node::v1::Record::descriptor()->file()->CopyTo(&now);
    std::ifstream file(path, std::ios::binary);
    FileDescriptorSet promised;
    ASSERT_TRUE(promised.ParseFromString({std::istreambuf_iterator<char>(file), {}}));
    const bool writes = std::getenv("LPM_WRITE_DOCS") != nullptr; // NOLINT(concurrency-mt-unsafe)
    ASSERT_TRUE(writes || promised.file_size() == 1) << "LPM_WRITE_DOCS=1 writes it";
    for (const auto& one : promised.file()) {
        EXPECT_EQ(one.package(), now.package());
        for (const auto& message : one.message_type())
            expect_message(message, now.message_type());
        for (const auto& service : one.service())
            expect_methods(service, now);
    }
    if (writes && !HasFailure()) {
        FileDescriptorSet all;
        *all.add_file() = now;
        std::ofstream(path, std::ios::binary) << all.SerializeAsString();
    }
}

// A field that nobody promised is not noticed when it goes: what is new is to be stored too.
TEST(NodeProto, has_promised_all_that_it_has) {
    FileDescriptorProto now;
    lpm::node::v1::Record::descriptor()->file()->CopyTo(&now);
    std::ifstream file(path, std::ios::binary);
    FileDescriptorSet promised;
    ASSERT_TRUE(promised.ParseFromString({std::istreambuf_iterator<char>(file), {}}));
    ASSERT_EQ(promised.file_size(), 1);
    for (const auto& message : now.message_type())
        expect_message(message, promised.file(0).message_type());
    for (const auto& service : now.service())
        expect_methods(service, promised.file(0));
}
