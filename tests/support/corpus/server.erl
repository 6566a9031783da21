%% SPDX-License-Identifier: Apache-2.0
%% Copyright the lpm authors
%% Erlang on a port or on a unix socket: server.erl ADDRESS. Answers who it is and how often it was asked. A process for each
%% connection, one that has the number, and a timer.
main([Address]) ->
    Nonce = [io_lib:format("~2.16.0b", [B]) || B <- [rand:uniform(256) - 1 || _ <- lists:seq(1, 8)]],
    Counter = spawn(fun() -> count(1) end),
    {ok, _} = timer:apply_interval(200, erlang, garbage_collect, [Counter]),
    {ok, Server} = listen(Address, [binary, {packet, http_bin}, {active, false}, {reuseaddr, true}]),
    accept(Server, Nonce, Counter).

listen([$/ | _] = Path, Options) -> gen_tcp:listen(0, [{ifaddr, {local, Path}} | Options]);
listen(Port, Options) -> gen_tcp:listen(list_to_integer(Port), [{ip, {127, 0, 0, 1}} | Options]).

accept(Server, Nonce, Counter) ->
    {ok, Client} = gen_tcp:accept(Server),
    Process = spawn(fun() -> receive go -> answer(Client, Nonce, Counter) end end),
    ok = gen_tcp:controlling_process(Client, Process),
    Process ! go,
    accept(Server, Nonce, Counter).

answer(Client, Nonce, Counter) ->
    case gen_tcp:recv(Client, 0) of
        {ok, http_eoh} ->
            Counter ! self(),
            Count = receive Number -> Number end,
            Body = io_lib:format("{\"nonce\": \"~s\", \"requests\": ~b}", [Nonce, Count]),
            ok = gen_tcp:send(Client, ["HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n", Body]),
            ok = gen_tcp:close(Client);
        {ok, _} -> answer(Client, Nonce, Counter)
    end.

count(Next) ->
    receive Asker -> Asker ! Next end,
    count(Next + 1).
