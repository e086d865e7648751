import { type DynamicModule, Module } from '@nestjs/common'
import { Inspector } from './inspector.port.js'
import { ProcessInspector } from './process-inspector.js'

/** The inspector: a process for each firmware, unless the caller brings another. */
@Module({})
export class InspectorModule {
  static with(inspector?: Inspector): DynamicModule {
    const provider = { provide: Inspector, useValue: inspector ?? new ProcessInspector() }
    return { module: InspectorModule, global: true, providers: [provider], exports: [Inspector] }
  }
}
