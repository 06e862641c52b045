// A store in memory whose schema changes as it does at boot: plan, in-between schema, migrations,
// final schema. After every step the store must be sound, and its log, replayed from the first
// transaction on, must give the same store.

import { expect } from 'vitest'
import { checkTables } from '../../src/engine/check.ts'
import { planEvolution } from '../../src/engine/evolution.ts'
import { storedSchema } from '../../src/engine/schema.ts'
import { SmallStore, stateOf } from './small-store.ts'
import type { EvolutionPlan, Migration } from '../../src/engine/evolution.ts'
import type { StoredSchema } from '../../src/engine/schema.ts'
import type { AnyTable } from '../../src/engine/view.ts'

export class EvolvingStore extends SmallStore {
  constructor() {
    super({ tables: [], migration: 0 })
  }

  /** What the next start of a program with these tables would do. */
  plan(tables: readonly AnyTable[], migrations: readonly Migration[] = []): EvolutionPlan {
    // As it was read from a snapshot.
    const stored = JSON.parse(JSON.stringify(this.tables.schema)) as StoredSchema
    const declared = storedSchema(tables, migrations.length)
    return planEvolution(stored, declared, migrations, (id) => this.tables.byId(id)?.rowCount ?? 0)
  }

  /** Starts a program with these tables. `crashAfter`: it ends after so many migrations. */
  boot(
    tables: readonly AnyTable[],
    migrations: readonly Migration[] = [],
    crashAfter = Infinity,
  ): this {
    const { between, migrations: pending, final } = this.plan(tables, migrations)
    if (between !== undefined) this.evolve(between)
    for (const [index, migration] of pending.entries()) {
      this.demandSound()
      if (index === crashAfter) return this
      this.transact((tx) => {
        migration.run(tx)
        const schema = { ...between!, migration: migration.number }
        this.tables.evolve(schema)
        this.tx.declareSchema(schema)
      })
    }
    if (pending.length === crashAfter) return this
    if (final !== undefined) this.evolve(final)
    this.demandSound()
    const again = this.plan(tables, migrations)
    expect([again.migrations, again.between, again.final]).toEqual([[], undefined, undefined])
    return this
  }

  demandSound(): void {
    expect(checkTables(this.tables)).toEqual([])
    const replica = new SmallStore({ tables: [], migration: 0 })
    this.replayInto(replica)
    expect(replica.tables.schema).toEqual(this.tables.schema)
    expect(stateOf(replica.tables)).toEqual(stateOf(this.tables))
  }
}
