// SPDX-License-Identifier: Apache-2.0
// Copyright the lpm authors
// The JDK's http server on a port, or a few lines of our own on a unix socket, which it cannot: Server.java
// ADDRESS. Answers who it is and how often it was asked.
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;

public class Server {
    static final String nonce = UUID.randomUUID().toString();
    static final AtomicLong requests = new AtomicLong();

    static byte[] answer(String head) {
        String body = "{\"nonce\": \"" + nonce + "\", \"requests\": " + requests.incrementAndGet() + "}";
        return (head + body).getBytes(StandardCharsets.UTF_8);
    }

    static void onPort(int port) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.createContext("/", exchange -> {
            byte[] body = answer("");
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }

    static void onSocket(String path) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(path));
        while (true) {
            try (var client = server.accept()) {
                client.read(ByteBuffer.allocate(4096)); // a request is small: it is there at once
                client.write(ByteBuffer.wrap(answer("HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n")));
            }
        }
    }

    public static void main(String[] args) throws IOException {
        if (args[0].startsWith("/")) onSocket(args[0]);
        else onPort(Integer.parseInt(args[0]));
    }
}
