//! Rows as they stand: structs whose fields are columns of the same name.

/// Declares a row that is read column by column.
macro_rules! row {
    (struct $name:ident { $($column:ident: $kind:ty,)+ }) => {
        struct $name {
            $($column: $kind,)+
        }

        impl sqlx::FromRow<'_, sqlx::sqlite::SqliteRow> for $name {
            fn from_row(row: &sqlx::sqlite::SqliteRow) -> Result<Self, sqlx::Error> {
                use sqlx::Row as _;
                Ok(Self { $($column: row.try_get(stringify!($column))?,)+ })
            }
        }
    };
}

pub(super) use row;
