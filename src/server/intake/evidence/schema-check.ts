import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

/** The first thing that a schema does not allow. */
export interface SchemaIssue {
  /** JSON pointer to it. */
  readonly at: string
  readonly why: string
}
interface Waiting {
  resolve(issue: SchemaIssue | null): void
  reject(error: Error): void
}

/** One thread for the process: a schema takes a second to compile, and polls of devices shall not wait for it. */
let worker: Worker | null = null
/** In the order in which they were asked; the thread answers in the same. */
const waiting: Waiting[] = []

/** @param version of CycloneDX. @returns null for a document that is valid under the strict schema. */
export function findSchemaIssue(version: string, text: string): Promise<SchemaIssue | null> {
  const thread = (worker ??= start())
  return new Promise((resolve, reject) => {
    waiting.push({ resolve, reject })
    // What waits keeps the process alive, an idle thread does not.
    thread.ref()
    thread.postMessage({ version, text })
  })
}

/** The compiled program, whether this runs compiled or from its source in a test. */
const program = fileURLToPath(
  new URL('schema-worker.js', import.meta.url.replace(/\/src\/(server\/[^.]*)\.ts$/, '/dist/src/$1.js')),
)

function start(): Worker {
  const thread = new Worker(program)
  thread.on('message', (issue: SchemaIssue | null) => {
    waiting.shift()?.resolve(issue)
    if (waiting.length === 0) thread.unref()
  })
  const end = (error: Error): void => {
    worker = null
    for (const each of waiting.splice(0)) each.reject(error)
  }
  thread.once('error', end)
  void once(thread, 'exit').then(
    ([code]) => end(new Error(`the thread that checks schemas ended with ${String(code)}`)),
    end,
  )
  return thread
}
