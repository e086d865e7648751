// A thread that reads documents, one after the other.
import { parentPort } from 'node:worker_threads'
import { Refusal } from '../../../domain/refusal.js'
import type { ThreadAnswer, ThreadQuestion } from './evidence-thread.js'
import { readUnsigned } from './read-unsigned.js'

parentPort?.on('message', (question: ThreadQuestion) => {
  void answerTo(question).then((answer) => parentPort?.postMessage(answer))
})

async function answerTo({ text, imageSha256 }: ThreadQuestion): Promise<ThreadAnswer> {
  try {
    return { evidence: await readUnsigned(text, imageSha256) }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { code: error.code, detail: error.detail }
  }
}
