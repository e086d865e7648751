import 'reflect-metadata'
import { Body, type PipeTransform, Query } from '@nestjs/common'
import { ApiBody, ApiQuery } from '@nestjs/swagger'
import { z } from 'zod'
import { Refusal } from '../../domain/refusal.js'

class ZodPipe implements PipeTransform {
  constructor(
    private readonly schema: z.ZodType,
    private readonly whole: string,
  ) {}

  /** @throws Refusal `REQUEST_INVALID` naming the first member that broke a rule. */
  transform(value: unknown): unknown {
    const parsed = this.schema.safeParse(value)
    if (parsed.success) return parsed.data
    const [issue] = parsed.error.issues
    const path = issue?.code === 'unrecognized_keys' ? [...issue.path, ...issue.keys.slice(0, 1)] : (issue?.path ?? [])
    throw new Refusal('REQUEST_INVALID', {
      field: path.join('.') || this.whole,
      why: issue?.message ?? 'not understood',
    })
  }
}

type JsonSchema = Extract<Parameters<typeof ApiBody>[0], { schema: unknown }>['schema']
const jsonSchemaOf = (schema: z.ZodType): JsonSchema => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0', unrepresentable: 'any' })
  return rest as JsonSchema
}

/**
 * The schema describes the parameter, not its compiled type: a compiler that knows no types leaves a value of the same
 * name there, which the OpenAPI generator would take for a class.
 */
function forgetType(target: object, key: string | symbol | undefined, index: number): void {
  const types: unknown = key === undefined ? undefined : Reflect.getMetadata('design:paramtypes', target, key)
  if (Array.isArray(types)) types[index] = Object
}

/** Parses the body once, at the edge, and describes it in the OpenAPI document. */
export function ZodBody(schema: z.ZodType): ParameterDecorator {
  return (target, key, index) => {
    forgetType(target, key, index)
    Body(new ZodPipe(schema, 'body'))(target, key, index)
    if (key === undefined) return
    const descriptor = Object.getOwnPropertyDescriptor(target, key)
    if (descriptor !== undefined) ApiBody({ schema: jsonSchemaOf(schema) })(target, key, descriptor)
  }
}

/** Parses the query string; each member of the object is one parameter. */
export function ZodQuery(schema: z.ZodObject): ParameterDecorator {
  return (target, key, index) => {
    forgetType(target, key, index)
    Query(new ZodPipe(schema, 'query'))(target, key, index)
    const descriptor = key === undefined ? undefined : Object.getOwnPropertyDescriptor(target, key)
    if (key === undefined || descriptor === undefined) return
    for (const [name, member] of Object.entries(schema.shape)) {
      const described = ApiQuery({ name, required: false, schema: jsonSchemaOf(member as z.ZodType) })
      described(target, key, descriptor)
    }
  }
}
