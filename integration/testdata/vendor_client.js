'use strict';
// Takes one file of each space through its whole life with losant-rest, the
// vendor's client. Settings: LOSANT_API_URL, LOSANT_API_TOKEN, APPLICATION_ID.

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const axios = require('axios'); // the very one losant-rest sends with
const losant = require('losant-rest');

const applicationId = process.env.APPLICATION_ID;
const options = { url: process.env.LOSANT_API_URL, accessToken: process.env.LOSANT_API_TOKEN };
const client = losant.createClient(options);

let lastStatus; // of the last successful call: losant-rest itself returns bodies only
axios.interceptors.response.use((answer) => {
  lastStatus = answer.status;
  return answer;
});

// losant-rest 2.8 is older than private files. Its calls for public files, sent
// to the private paths, are what the vendor's later clients send.
function privateCalls() {
  const rewrite = {
    request: (req, opts, cb) => {
      req.url = req.url.replace(/\/files?(?=\/|$)/, '/privateFiles');
      if (opts && opts.multipart && req.data.file) {
        req.data = { privateFile: req.data.file };
      }
      return client.request(req, opts, cb);
    },
  };
  return {
    one: require('losant-rest/lib/api/file')(options, rewrite),
    all: require('losant-rest/lib/api/files')(options, rewrite),
  };
}

const md5 = (text) => crypto.createHash('md5').update(text).digest('hex');

// expect awaits a call and checks its status.
async function expect(status, call) {
  const result = await call;
  assert.equal(lastStatus, status);
  return result;
}

async function until(what, condition) {
  for (let i = 0; i < 200; i++) {
    const result = await condition();
    if (result) {
      return result;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`never happened: ${what}`);
}

// post sends content by a ticket: its fields as they are, then the file.
async function post(ticket, content) {
  const form = new FormData();
  for (const [name, value] of Object.entries(ticket.fields)) {
    form.append(name, value);
  }
  form.append('file', new Blob([content]), 'file');
  const answer = await fetch(ticket.url, { method: 'POST', body: form });
  assert.equal(answer.status, 204, await answer.text());
  assert.equal(answer.headers.get('etag'), `"${md5(content)}"`);
}

async function download(url) {
  const answer = await fetch(url);
  assert.equal(answer.status, 200);
  return answer.text();
}

async function life(space, { one, all }) {
  const listed = async (query) => (await expect(200, all.get({ applicationId, ...query }))).items.map((f) => f.name);
  const get = (fileId) => expect(200, one.get({ applicationId, fileId }));
  const completed = (fileId) => until('completed', async () => {
    const file = await get(fileId);
    return file.status === 'completed' && file;
  });
  const gone = (fileId) => one.get({ applicationId, fileId }).then(() => false, (err) => {
    assert.equal(err.statusCode, 404);
    assert.equal(err.type, 'NotFound');
    return true;
  });

  assert.deepEqual(await listed({}), []);

  // Create and upload.
  const name = 'résumé 100% #1.txt';
  const made = await expect(201, all.post({ applicationId, file: {
    name, parentDirectory: '/from/here/', type: 'file', fileSize: 5, contentType: 'text/plain',
  } }));
  assert.match(made.id, /^[a-f\d]{24}$/);
  assert.equal(made.status, 'pending');
  assert.equal(made.applicationId, applicationId);
  await post(made.upload, 'first');
  const first = await completed(made.id);
  assert.equal(first.name, name);
  assert.equal(first.parentDirectory, '/from/here/');
  assert.equal(first.fileSize, 5);
  assert.equal(first.s3etag, md5('first'));
  assert.equal(await download(first.url), 'first');
  assert.deepEqual(await listed({ directory: '/from/here' }), [name]);
  assert.deepEqual(await listed({ type: 'directory', sortField: 'name' }), ['from', 'here']);
  await assert.rejects(
    all.post({ applicationId, file: { name, parentDirectory: '/from/here', type: 'file' } }),
    (err) => err.statusCode === 400 && err.type === 'Validation');

  // Patch and upload under the same id.
  const patched = await expect(201, one.patch({ applicationId, fileId: made.id, updates: {} }));
  assert.equal(patched.id, made.id);
  assert.equal(patched.status, 'pending');
  await post(patched.upload, 'second one');
  const second = await completed(made.id);
  assert.equal(second.s3etag, md5('second one'));
  assert.equal(second.creationDate, first.creationDate);
  assert.equal(await download(second.url), 'second one');

  // Move: another id, the same content.
  const moved = await expect(201, one.move({
    applicationId, fileId: made.id, name: 'moved.txt', parentDirectory: '/to/there',
  }));
  assert.notEqual(moved.id, made.id);
  const old = await get(made.id);
  assert.equal(old.status, 'moving');
  assert.equal(old.moveIntoId, moved.id);
  await until('the old entry is gone', () => gone(made.id));
  const third = await completed(moved.id);
  assert.equal(third.name, 'moved.txt');
  assert.equal(third.parentDirectory, '/to/there/');
  assert.equal(third.s3etag, second.s3etag);
  assert.equal(await download(third.url), 'second one');

  // Upload in one call.
  const direct = await expect(200, one.upload({ applicationId, fileId: moved.id, file: Buffer.from('third') }));
  assert.equal(direct.id, moved.id);
  const fourth = await until('the upload is taken over', async () => {
    const file = await completed(moved.id);
    return file.s3etag === md5('third') && file;
  });
  assert.equal(await download(fourth.url), 'third');

  // Delete: the file, then the directories with what is in them.
  assert.deepEqual(await expect(200, one.delete({ applicationId, fileId: moved.id })), { success: true });
  assert.ok(await gone(moved.id));
  for (const directory of (await all.get({ applicationId, directory: '/' })).items) {
    await expect(200, one.delete({ applicationId, fileId: directory.id }));
  }
  assert.deepEqual(await listed({}), []);
  console.log(`${space} files: as the vendor's client expects`);
}

async function main() {
  await life('public', { one: client.file, all: client.files });
  await life('private', client.privateFile
    ? { one: client.privateFile, all: client.privateFiles }
    : privateCalls());
  await assert.rejects(
    losant.createClient({ ...options, accessToken: 'wrong' }).files.get({ applicationId }),
    (err) => err.statusCode === 401);
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
