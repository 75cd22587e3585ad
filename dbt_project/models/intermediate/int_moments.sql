{{ config(materialized='view') }}
{#- The moments at which features are wanted, with all that their events and questions say. -#}

{{ moments_in_words() }}
