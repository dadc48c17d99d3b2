const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const { execFileSync } = require('child_process');
const crypto = require('crypto');
const hash = s => crypto.createHash('sha256').update(s).digest('hex');
if (!isMainThread) {
  const words = [];
  for (let i = 0; i < 30000; i++) words.push(hash('' + (i * 4 + workerData)));
  setTimeout(() => parentPort.postMessage(hash(words.sort().join(''))), 300);
} else {
  const scale = +(process.env.TARGET_SCALE || 1), kept = new Map();
  for (let i = 0; i < 80000 * scale; i++) kept.set('k' + i, { i, text: 'value ' + i * 7919, list: [i, i + 1] });
  const buffers = Array.from({ length: 40 }, (_, i) => Buffer.alloc(300000, 'b' + i));
  const before = hash(JSON.stringify([...kept.values()])) + hash(Buffer.concat(buffers));
  let left = 3;
  const answers = [];
  for (let n = 0; n < 3; n++) new Worker(__filename, { workerData: n }).on('message', m => {
    answers[n] = m;
    if (--left === 0) {
      const after = hash(JSON.stringify([...kept.values()])) + hash(Buffer.concat(buffers));
      console.log(before === after ? before : 'LOST', ...answers);
      console.log(execFileSync('echo', ['a child']).toString().trim());
    }
  });
}
