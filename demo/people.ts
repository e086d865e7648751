import { Person } from './person.js'

/** Everybody in the story, by what they do. Each has a folder, a key and processes of their own. */
export interface People {
  readonly holders: readonly Person[]
  readonly policySigners: readonly Person[]
  readonly emergency: Person
  readonly engineer: Person
  readonly managers: readonly [Person, Person]
  readonly security: readonly [Person, Person]
  readonly fleet: Person
}

/** Makes everybody's key, two at a time: sealing a key file is slow on purpose. */
export async function gatherPeople(keysFolder: string): Promise<People> {
  const all: Person[] = []
  const person = (name: string): Person => {
    const made = new Person(name, keysFolder)
    all.push(made)
    return made
  }
  const people: People = {
    holders: [person('holder-1'), person('holder-2'), person('holder-3')],
    policySigners: [person('policy-1'), person('policy-2')],
    emergency: person('emergency-1'),
    engineer: person('engineer-1'),
    managers: [person('manager-1'), person('manager-2')],
    security: [person('security-1'), person('security-2')],
    fleet: person('fleet-1'),
  }
  const waiting = [...all]
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next.createKey()
  }
  await Promise.all([worker(), worker()])
  return people
}
