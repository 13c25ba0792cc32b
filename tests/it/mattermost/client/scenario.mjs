// Drives a server with the official client as a person would, and holds what it answers.
//
// usage: node scenario.mjs FOLDER-OF-THE-CLIENT SITE TOKEN BOT-ID CHANNEL-ID RECORD.ts
// Prints one line per step; writes the answers as typed constants for `tsc`.

import assert from 'node:assert/strict';
import {writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {createRequire} from 'node:module';

const [folder, site, token, bot, ops, record] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const {Client4, WebSocketClient} = require('@mattermost/client');
const WebSocket = require('ws');
globalThis.WebSocket = WebSocket;
console.log = () => {}; // the client talks a lot

const held = [];
const hold = (type, value) => {
    held.push([type, value]);
    return value;
};
const done = (step) => process.stdout.write(`${step}\n`);

const client = new Client4();
client.setUrl(site);
client.setToken(token);

const me = hold('Shown<UserProfile>', await client.getMe());
const config = await client.getClientConfig();
assert.equal(config.MaxPostSize, '16383');
const channels = await client.getAllTeamsChannels();
channels.forEach((channel) => hold('Shown<Channel>', channel));
assert.ok(channels.some((channel) => channel.id === ops));
(await client.getMyTeams()).forEach((team) => hold('Shown<Team>', team));
(await client.getProfilesByIds([bot])).forEach((user) => hold('Shown<UserProfile>', user));
assert.equal((await client.getProfilesByUsernames([me.username]))[0].id, me.id);
done('login by token');

const events = [];
const socket = new WebSocketClient({newWebSocketFn: (url) => new WebSocket(url)});
let missed = 0;
socket.addMissedMessageListener(() => missed++);
socket.addMessageListener((message) => events.push(message));
socket.initialize(`${site.replace(/^http/, 'ws')}/api/v4/websocket`, token);
const heard = async (event, matches = () => true) => {
    for (let turn = 0; turn < 2000; turn++) {
        const found = events.find((it) => it.event === event && matches(it.data));
        if (found) {
            return found;
        }
        await new Promise((resolve) => setImmediate(() => setTimeout(resolve, 5)));
    }
    throw new Error(`${event} never came`);
};
const ofPost = (id) => (data) => JSON.parse(data.post).id === id;
hold('Hello["data"]', (await heard('hello')).data);
done('socket opened');

const begun = Date.now() - 7_200_000;
const root = hold('SomePost', await client.createPost({
    channel_id: ops, message: 'hello from the official client', root_id: '',
    pending_post_id: `${me.id}:1`, create_at: 0, props: {},
}));
assert.equal(root.user_id, me.id);
assert.equal(root.pending_post_id, `${me.id}:1`);
const posted = await heard('posted', ofPost(root.id));
hold('Posted["data"]', posted.data);
assert.deepEqual(Object.keys(posted.broadcast).filter((key) =>
    ['omit_users', 'user_id', 'channel_id', 'team_id'].includes(key)).length, 4);
const again = await client.createPost({
    channel_id: ops, message: 'hello from the official client', pending_post_id: `${me.id}:1`,
});
assert.equal(again.id, root.id, 'a pending id is one post');
done('post created, once');

const reply = await client.createPost({channel_id: ops, message: 'a reply', root_id: root.id});
const thread = await client.getPaginatedPostThread(root.id, {});
assert.deepEqual(thread.order, [root.id, reply.id]);
hold('ListOf<PaginatedPostList>', thread);
await assert.rejects(client.createPost({channel_id: ops, message: 'x', root_id: reply.id}),
    (error) => error.status_code === 400 && error.server_error_id.includes('root_id'));
done('thread');

const edited = hold('SomePost', await client.patchPost({id: root.id, message: 'changed'}));
assert.ok(edited.edit_at > 0);
hold('PostEdited["data"]', (await heard('post_edited', ofPost(root.id))).data);
done('edited');

const reaction = hold('Reaction', await client.addReaction(me.id, root.id, '+1_medium_skin_tone'));
assert.equal(reaction.emoji_name, '+1_medium_skin_tone');
hold('PostReaction["data"]', (await heard('reaction_added')).data);
assert.equal((await client.getReactionsForPost(root.id)).length, 1);
const withReactions = hold('SomePost', await client.getPost(root.id));
assert.equal(withReactions.metadata.reactions.length, 1);
await client.removeReaction(me.id, root.id, '+1_medium_skin_tone');
hold('PostReaction["data"]', (await heard('reaction_removed')).data);
assert.equal((await client.getReactionsForPost(root.id) ?? []).length, 0);
await assert.rejects(client.addReaction(me.id, root.id, 'no_such_emoji'),
    (error) => error.status_code === 404);
await assert.rejects(client.addReaction(bot, root.id, 'x'), (error) => error.status_code === 403);
done('reactions');

await client.deletePost(reply.id);
hold('PostDeleted["data"]', (await heard('post_deleted', ofPost(reply.id))).data);
await assert.rejects(client.getPost(reply.id), (error) => error.status_code === 404);
done('deleted');

const page = hold('ListOf<PostList>', await client.getPosts(ops, 0, 200));
assert.equal(page.order[0], root.id);
const since = hold('ListOf<PostList>', await client.getPostsSince(ops, begun));
const former = Object.values(since.posts).filter((post) => post.original_id === root.id);
assert.equal(former.length, 1, 'former versions come along');
assert.ok(since.posts[reply.id].delete_at > 0, 'deleted ones come along');
const older = await client.getPostsBefore(ops, root.id, 0, 1);
assert.ok(older.order.length <= 1);
done('listed');

const direct = hold('Shown<Channel>', await client.createDirectChannel([me.id, bot]));
assert.equal(direct.type, 'D');
const alone = await client.createPost({channel_id: direct.id, message: '!ping'});
await heard('posted', ofPost(alone.id));
done('direct talk');

const told = [];
const integration = createServer((request, response) => {
    let body = '';
    request.on('data', (some) => body += some);
    request.on('end', () => {
        told.push(JSON.parse(body));
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify({ephemeral_text: 'for *you*', skip_slack_parsing: true}));
    });
});
await new Promise((resolve) => integration.listen(0, '127.0.0.1', resolve));
const at = `http://127.0.0.1:${integration.address().port}/press`;
const button = {id: 'details', type: 'button', name: 'Details', style: 'default'};
const card = await client.createPost({
    channel_id: ops, message: 'a card',
    props: {attachments: [{actions: [{...button, integration: {url: at, context: {state: 'secret'}}}]}]},
});
const shown = hold('SomePost', await client.getPost(card.id));
hold('PostAction', shown.props.attachments[0].actions[0]);
assert.deepEqual(shown.props.attachments[0].actions, [button], 'readers are not sent what is handed out');
hold('PostActionResponse', await client.doPostAction(card.id, 'details'));
const {context, ...press} = told[0];
assert.deepEqual(context, {state: 'secret'});
assert.deepEqual(Object.keys(press).sort(), ['channel_id', 'channel_name', 'data_source', 'post_id',
    'team_domain', 'team_id', 'trigger_id', 'type', 'user_id', 'user_name']);
assert.equal(press.user_id, me.id);
assert.equal(press.post_id, card.id);
const whispered = JSON.parse((await heard('ephemeral_message')).data.post);
assert.equal(whispered.message, 'for *you*');
assert.equal(whispered.root_id, card.id);
const bare = await client.patchPost({id: card.id, props: {...shown.props, attachments: []}});
assert.ok(bare.edit_at > 0, 'other buttons are an edit');
await assert.rejects(client.doPostAction(card.id, 'details'), (error) => error.status_code === 404);
integration.close();
done('pressed');

assert.equal(missed, 0);
const numbers = events.map((event) => event.seq);
assert.deepEqual(numbers, numbers.map((_, at) => at), 'events are numbered without a gap');
socket.close();

const stranger = new Client4();
stranger.setUrl(site);
stranger.setToken('wrong');
await assert.rejects(stranger.getMe(), (error) => error.status_code === 401);
done('strangers are refused');

// What the server leaves out although the types name it, and what it has `null` for.
const preamble = `
import type {Channel} from '@mattermost/types/channels';
import type {PostAction, PostActionResponse} from '@mattermost/types/integration_actions';
import type {PaginatedPostList, Post, PostList, PostMetadata} from '@mattermost/types/posts';
import type {Reaction} from '@mattermost/types/reactions';
import type {Team} from '@mattermost/types/teams';
import type {UserProfile} from '@mattermost/types/users';
import type {WebSocketMessages} from '@mattermost/client';
type Hello = WebSocketMessages.Hello;
type Posted = WebSocketMessages.Posted;
type PostEdited = WebSocketMessages.PostEdited;
type PostDeleted = WebSocketMessages.PostDeleted;
type PostReaction = WebSocketMessages.PostReaction;
type OrNull<T, K extends keyof T> = Omit<T, K> & {[P in K]: T[P] | null};
type Shown<T> =
    T extends UserProfile ? Omit<T, 'notify_props'> & {notify_props: Partial<T['notify_props']>} :
    T extends Channel ? OrNull<T, 'scheme_id' | 'group_constrained' | 'shared' | 'props'> :
    T extends Team ? OrNull<T, 'group_constrained'> : never;
type SomePost = Omit<Post, 'metadata'> & {metadata: Partial<PostMetadata>};
type ListOf<T extends PostList> = Omit<T, 'posts'> & {posts: Record<string, SomePost>};
const held = <T>() => <U extends T>(value: U): U => value;
`;
const lines = held.map(([type, value]) => `held<${type}>()(${JSON.stringify(value, null, 1)});`);
writeFileSync(record, `${preamble}\n${lines.join('\n')}\n`);
done('recorded');
process.exit(0);
