// A thread that holds CycloneDX documents against the strict schema of their version, one after the other.
import { parentPort } from 'node:worker_threads'
import { Validation, type Spec } from '@cyclonedx/cyclonedx-library'
import type { SchemaIssue } from './schema-check.js'

interface Question {
  readonly version: Spec.Version
  readonly text: string
}
interface Issue {
  readonly instancePath?: string
  readonly message?: string
}

const validators = new Map<Spec.Version, Validation.JsonStrictValidator>()
let last = Promise.resolve()

parentPort?.on('message', (question: Question) => {
  last = last.then(async () => parentPort?.postMessage(await check(question)))
})

async function check({ version, text }: Question): Promise<SchemaIssue | null> {
  const validator = validators.get(version) ?? new Validation.JsonStrictValidator(version)
  validators.set(version, validator)
  const [first] = ((await validator.validate(text)) ?? []) as readonly Issue[]
  return first === undefined ? null : { at: first.instancePath ?? '', why: first.message ?? 'not valid' }
}
