{#-
  Counts of twelve fields in one whole number: five bits each, enough for "of the last twenty"; and of six in one, eight
  bits each, enough for "of the last two hundred". Sums of such numbers are sums of all their counts at once. A sum over
  a whole life overflows from count to count, which does no harm: the difference of two of them is right again, and so is
  that of what they leave of a whole word.
-#}
{% macro fields_in_a_word() %}{{ return(12) }}{% endmacro %}

{#- The types with more fields than go into the first word. -#}
{% macro types_of_more_words() -%}
    select distinct type_no
    from {{ ref('int_type_fields') }}
    where word > 0
{%- endmacro %}

{#- What a running sum leaves of a whole word, of five bits a count. -#}
{% macro rest_of_a_word(sum) -%}
    cast(({{ sum }}) % {{ 2 ** (5 * fields_in_a_word()) }} as {{ dbt.type_bigint() }})
{%- endmacro %}

{#- Touches as differences of such rests: again what they leave of a whole word, where a difference is below zero. -#}
{% macro between_rests(difference) -%}
    (({{ difference }}) & {{ 2 ** (5 * fields_in_a_word()) - 1 }})
{%- endmacro %}

{#- The running sum of words of five bits a count, or what is left of it by whole words: by halves, which stay whole numbers of 53 bits. -#}
{% macro packed_sum(value, window) -%}
    {%- set half = 5 * fields_in_a_word() // 2 -%}
    ({{ running_sum('(' ~ value ~ ') & ' ~ (2 ** half - 1), window) }}
    + ({{ running_sum(shift_right(value, half), window) }} & {{ 2 ** half - 1 }}) * {{ 2 ** half }})
{%- endmacro %}

{#- The count at a place (from 0) of a packed number, as a float. -#}
{% macro packed_count(word, place, bits) -%}
    cast({{ shift_right(word, place * bits) }} & {{ 2 ** bits - 1 }} as {{ double() }})
{%- endmacro %}

{% macro shift_right(value, bits) %}{{ return(adapter.dispatch('shift_right', 'foresync')(value, bits)) }}{% endmacro %}

{% macro default__shift_right(value, bits) %}({{ value }} >> {{ bits }}){% endmacro %}

{% macro spark__shift_right(value, bits) %}shiftright({{ value }}, {{ bits }}){% endmacro %}

{#- How many bits are set. -#}
{% macro bit_count(word) %}{{ return(adapter.dispatch('bit_count', 'foresync')(word)) }}{% endmacro %}

{% macro default__bit_count(word) %}bit_count({{ word }}){% endmacro %}

{% macro postgres__bit_count(word) %}bit_count(cast({{ word }} as bit(64))){% endmacro %}

{#- Product over a word's fields of 1 - p q: q as counts of five bits, p as a list of one expression per field. -#}
{% macro missed(touches, touches_of, p) -%}
    {% for place in range(fields_in_a_word()) %}
        (1 - {{ packed_count(touches, place, 5) }} / {{ touches_of }} * {{ p[place] }}){{ ' *' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- Such a list of what a type's last events touched: the share of them that touched each field, from words of eight bits a count. -#}
{% macro shares_of_type(low_touches, high_touches, events) -%}
    {%- set shares = [] -%}
    {%- for place in range(fields_in_a_word()) -%}
        {%- do shares.append(packed_count(low_touches if place < 6 else high_touches, place % 6, 8) ~ ' / ' ~ events) -%}
    {%- endfor -%}
    {{ return(shares) }}
{%- endmacro %}

{#- And of what was announced: each field or not. -#}
{% macro announced_or_not(touches) -%}
    {%- set counts = [] -%}
    {%- for place in range(fields_in_a_word()) -%}
        {%- do counts.append(packed_count(touches, place, 5)) -%}
    {%- endfor -%}
    {{ return(counts) }}
{%- endmacro %}

{#-
  Aggregate: the product of a column of numbers from 0 to 1. The logarithm of nothing left has no value, and PostgreSQL refuses to
  underflow, here and where it is multiplied on. Logarithms are summed as whole numbers of 2^-50: those have one sum, in whatever order.
-#}
{% macro product_of(value) -%}
    case
        when min({{ value }}) <= 0 then 0
        else exp(greatest(-600, cast(
            sum(cast(round(ln(case when {{ value }} > 0 then {{ value }} else 1 end) * {{ 2 ** 50 }}) as {{ dbt.type_bigint() }}))
            as {{ double() }}
        ) / {{ 2 ** 50 }}))
    end
{%- endmacro %}
