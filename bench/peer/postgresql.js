// Durable storage for oidc-provider on PostgreSQL: a pool of connections, every statement prepared by name.
//
// The same table as in sqlite.js; each call is a transaction of its own, as oidc-provider's adapters are.
import pg from 'pg';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS entry (
  model TEXT NOT NULL, id TEXT NOT NULL, payload TEXT NOT NULL, grant_id TEXT, uid TEXT, user_code TEXT,
  expires_at BIGINT, consumed_at BIGINT, PRIMARY KEY (model, id));
CREATE INDEX IF NOT EXISTS entry_grant ON entry (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS entry_uid ON entry (uid) WHERE uid IS NOT NULL;
CREATE INDEX IF NOT EXISTS entry_user_code ON entry (user_code) WHERE user_code IS NOT NULL;
CREATE TABLE IF NOT EXISTS account (id TEXT PRIMARY KEY, claims TEXT NOT NULL);
`;
const COLUMNS = 'SELECT payload, expires_at, consumed_at FROM entry WHERE';
const STATEMENTS = {
  upsert: `INSERT INTO entry (model, id, payload, grant_id, uid, user_code, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id, uid = excluded.uid,
      user_code = excluded.user_code, expires_at = excluded.expires_at`,
  find: `${COLUMNS} model = $1 AND id = $2`,
  findByUid: `${COLUMNS} uid = $1 AND model = $2`,
  findByUserCode: `${COLUMNS} user_code = $1 AND model = $2`,
  consume: 'UPDATE entry SET consumed_at = $1 WHERE model = $2 AND id = $3',
  destroy: 'DELETE FROM entry WHERE model = $1 AND id = $2',
  revoke: 'DELETE FROM entry WHERE grant_id = $1 AND model = $2',
  account: 'SELECT claims FROM account WHERE id = $1',
  addAccount: 'INSERT INTO account (id, claims) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET claims = excluded.claims',
};

const now = () => Math.floor(Date.now() / 1000);

function restored(row) {
  if (row === undefined || (row.expires_at !== null && Number(row.expires_at) <= now())) return undefined;
  const payload = JSON.parse(row.payload);
  if (row.consumed_at !== null) payload.consumed = Number(row.consumed_at);
  return payload;
}

export async function open(connectionString) {
  const pool = new pg.Pool({ connectionString, max: 16 });
  await pool.query(SCHEMA);
  const run = async (name, ...values) => (await pool.query({ name, text: STATEMENTS[name], values })).rows[0];

  class Adapter {
    constructor(model) { this.model = model; }

    async upsert(id, payload, expiresIn) {
      await run('upsert', this.model, id, JSON.stringify(payload), payload.grantId ?? null, payload.uid ?? null,
        payload.userCode ?? null, expiresIn ? now() + expiresIn : null);
    }

    async find(id) { return restored(await run('find', this.model, id)); }

    async findByUid(uid) { return restored(await run('findByUid', uid, this.model)); }

    async findByUserCode(userCode) { return restored(await run('findByUserCode', userCode, this.model)); }

    async consume(id) { await run('consume', now(), this.model, id); }

    async destroy(id) { await run('destroy', this.model, id); }

    async revokeByGrantId(grantId) { await run('revoke', grantId, this.model); }
  }

  return {
    Adapter,
    async findClaims(id) {
      const row = await run('account', id);
      return row && JSON.parse(row.claims);
    },
    async addAccounts(accounts) {
      for (const [id, claims] of accounts) await run('addAccount', id, JSON.stringify(claims));
    },
  };
}
